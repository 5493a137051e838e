//! The second pass: what only the comparison of connections shows. One file per pattern, in
//! the order in which they are asked; a class given by an earlier one is left alone by later
//! ones.

mod backend;
mod change;
mod contrast;
mod device;
mod fisher;
mod groups;
mod nat;
mod options;
mod periodic;
mod process;
mod reboot;
mod refusals;
mod repeated;
mod residual;
mod scan;
mod siblings;
mod told;

use super::model::{Case, Group, World};

pub use told::{Told, adopt};

/// Replaces classes that a pattern over several connections explains better, adds contrasts,
/// and groups the cases.
pub fn aggregate(cases: &mut [Case], world: &World) -> Vec<Group> {
    nat::leaks(cases, world);
    device::same_fingerprint(cases);
    residual::blocking(cases, world);
    process::terminated(cases, world);
    reboot::lost_state(cases);
    siblings::of_cancelled(cases, world);
    scan::sweeps(cases, world);
    options::refused_options(cases, world);
    refusals::by_service(cases, world);
    siblings::of_refused(cases, world);
    periodic::health_checks(cases);
    backend::none_behind(cases, world);
    repeated::equal_silences(cases);
    contrast::compare(cases, world);
    groups::group(cases)
}
