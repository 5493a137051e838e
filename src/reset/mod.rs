//! Connections to episodes: the form and trigger of every RST, the roles within the episode,
//! round-trip times, the vantage point (diagnosis 2.3 to 2.6).

mod model;

pub use model::{Effect, Episode, Form, Reset, Role, Vantage, VantagePoint};
