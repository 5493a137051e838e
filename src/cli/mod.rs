//! The program: arguments as typed ([`args`]), what they mean ([`settings`]), the run, its
//! report and exit status, and the manual.

pub mod args;
mod batch;
mod beside;
mod cases;
mod cidr;
mod console;
mod deliver;
mod earlier;
mod explain;
mod failure;
pub mod filter;
mod generate;
mod manual;
mod manual_diagnoses;
mod markup;
mod merge;
mod nearest;
pub mod pipeline;
mod profile;
mod progress;
mod roff;
mod run;
pub mod settings;
mod size;
mod source;
mod store;
mod time;
mod version;

pub use console::Console;
pub use failure::{Failure, Status};
pub use run::{parse, run};
