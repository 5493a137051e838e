//! Which endpoint is the client when the handshake does not show it (diagnosis 2.1).

use super::reassembly::Transcript;
use super::resets::Finished;
use super::{Connection, Endpoint, RoleBasis};
use crate::packet::app::recognise;
use std::cmp::Ordering;

/// First port that systems give to clients; below it services are registered. Some systems
/// begin at 1024, so this is only a hint.
const FIRST_EPHEMERAL: u16 = 32_768;
/// BSD, and Windows before Vista, give their clients the ports from 1024 up to this one.
const LAST_OLD_EPHEMERAL: u16 = 5_000;
/// Well-known and registered service ports from 512 on that captures are full of.
const SERVICES: [u16; 92] = [
    512, 513, 514, 515, 524, 540, 543, 544, 548, 554, 587, 593, 631, 636, 646, 873, 989, 990, 992,
    993, 995, 1080, 1099, 1414, 1433, 1521, 1720, 1723, 1863, 1883, 1935, 2000, 2049, 2181, 2375,
    2379, 2404, 2775, 3000, 3128, 3260, 3268, 3269, 3306, 3389, 3868, 4222, 4369, 4433, 4662, 4840,
    5000, 5001, 5060, 5061, 5190, 5222, 5269, 5432, 5671, 5672, 5900, 5984, 5985, 6000, 6346, 6379,
    6432, 6443, 6633, 6667, 6881, 7001, 8000, 8008, 8009, 8080, 8081, 8443, 8554, 8883, 8888, 9000,
    9042, 9092, 9100, 9200, 9418, 10250, 11211, 27017, 33060,
];

/// How likely a port is a server's: well-known ones and common services, then the rest of the
/// reserved ones, which privileged clients (NFS, rsh) take as well.
fn service_rank(port: u16) -> u8 {
    match port {
        _ if port < 512 || SERVICES.contains(&port) => 2,
        _ if port < 1024 => 1,
        _ => 0,
    }
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
    match service_rank(a).cmp(&service_rank(b)) {
        Ordering::Greater => return (1, RoleBasis::WellKnownPort),
        Ordering::Less => return (0, RoleBasis::WellKnownPort),
        Ordering::Equal => {}
    }
    // one of an old system's client ports, the other one nobody's
    let old = |port: u16| (1024..=LAST_OLD_EPHEMERAL).contains(&port);
    let neither = |port: u16| port > LAST_OLD_EPHEMERAL && port < 10_000;
    if old(a) && neither(b) || neither(a) && old(b) {
        return (usize::from(neither(a)), RoleBasis::LowerPort);
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

#[cfg(test)]
mod tests {
    use super::{Endpoint, by_port};

    /// The port taken for the server's, whichever endpoint comes first.
    fn server(a: u16, b: u16) -> u16 {
        let end = |port| Endpoint {
            ip: [192, 0, 2, 1].into(),
            port,
        };
        let ports = [a, b];
        let chosen = ports[1 - by_port(&[end(a), end(b)]).0];
        assert_eq!(chosen, [b, a][1 - by_port(&[end(b), end(a)]).0]);
        chosen
    }

    #[test]
    fn ports_tell_the_server() {
        assert_eq!(server(80, 50_000), 80);
        assert_eq!(server(3306, 40_000), 3306);
        assert_eq!(server(41_000, 45_000), 41_000);
    }

    #[test]
    fn privileged_clients_and_old_ephemeral_ports() {
        assert_eq!(server(800, 2049), 2049);
        assert_eq!(server(1023, 514), 514);
        assert_eq!(server(1500, 6346), 6346);
        assert_eq!(server(1045, 7777), 7777);
        assert_eq!(server(2404, 50_039), 2404);
    }
}
