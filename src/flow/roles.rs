//! Which endpoint is the client when the handshake does not show it (diagnosis 2.1).

use super::reassembly::Transcript;
use super::resets::Finished;
use super::{Connection, Endpoint, RoleBasis};
use crate::packet::app::recognise;

/// First port that systems give to clients; below it services are registered. Some systems
/// begin at 1024, so this is only a hint.
const FIRST_EPHEMERAL: u16 = 32_768;
/// Well-known and registered service ports above 1023 that captures are full of.
const SERVICES: [u16; 40] = [
    1080, 1433, 1521, 1723, 1883, 2049, 2181, 2375, 2379, 3000, 3128, 3268, 3306, 3389, 4433, 5000,
    5060, 5222, 5432, 5671, 5672, 5900, 5984, 5985, 6379, 6432, 6443, 6633, 6667, 8000, 8008, 8080,
    8081, 8443, 8554, 8883, 9000, 9042, 9092, 9200,
];
const MORE_SERVICES: [u16; 5] = [9418, 10250, 11211, 27017, 33060];

fn is_service(port: u16) -> bool {
    port < 1024 || SERVICES.contains(&port) || MORE_SERVICES.contains(&port)
}

/// Index of the client among a finished flow's endpoints, and how that is known.
#[must_use]
pub fn client_of(f: &Finished) -> (usize, RoleBasis) {
    match f.opener {
        Some(i) if f.saw_syn => (usize::from(i), RoleBasis::Syn),
        Some(i) => (usize::from(i), RoleBasis::SynAck),
        None => by_port(&f.endpoints),
    }
}

fn by_port(ends: &[Endpoint; 2]) -> (usize, RoleBasis) {
    let [a, b] = [ends[0].port, ends[1].port];
    match (is_service(a), is_service(b)) {
        (true, false) => return (1, RoleBasis::WellKnownPort),
        (false, true) => return (0, RoleBasis::WellKnownPort),
        _ => {}
    }
    let basis = match (a < FIRST_EPHEMERAL, b < FIRST_EPHEMERAL) {
        (true, false) | (false, true) if a.min(b) < 10_000 => RoleBasis::WellKnownPort,
        _ => RoleBasis::LowerPort,
    };
    (usize::from(a <= b), basis)
}

/// Lets what the two sides said decide who is the client, where only ports spoke so far.
pub fn settle(connection: &mut Connection) {
    if !matches!(
        connection.role_basis,
        RoleBasis::WellKnownPort | RoleBasis::SharedPort | RoleBasis::LowerPort
    ) {
        return;
    }
    let first = recognise(&Transcript::of(connection).dialogue()).client_is_first_endpoint;
    if first == Some(false) {
        swap(connection);
    }
    if first.is_some() {
        connection.role_basis = RoleBasis::Protocol;
    }
}

fn swap(c: &mut Connection) {
    std::mem::swap(&mut c.client, &mut c.server);
    c.segments.iter_mut().for_each(|s| s.from = s.from.peer());
    c.icmp.iter_mut().for_each(|e| e.about = e.about.peer());
    let t = &mut c.totals;
    t.segments.reverse();
    t.bytes.reverse();
    t.next.reverse();
    t.resets.reverse();
    // it was looked up for the other side
    c.name = None;
}
