//! Application protocols, recognised from the first bytes of each direction. A port is only a
//! prior. Truncated and reordered input is the normal case: nothing here fails, it says less.

/// What the two sides said to each other, as far as it was captured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppStory {}
