//! Small exact types that depend on nothing.

mod frame;
mod link_type;
mod seq;
mod span;
pub mod text;
mod time;

pub use frame::FrameNumber;
pub use link_type::LinkType;
pub use seq::Seq;
pub use span::{FileId, Span};
pub use time::{Timestamp, TsResolution};
