//! Application protocols, recognised from the first bytes of each direction. A port is only a
//! prior. Truncated and reordered input is the normal case: nothing here fails, it says less.
