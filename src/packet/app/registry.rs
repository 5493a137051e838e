//! All recognisers in one ordered list. Content decides; the port only breaks ties.

use super::protocol::Protocol;
use super::story::{AppStory, Confidence};
use super::talk::Dialogue;
use super::{
    amqp, bgp, cassandra, chat, cluster, dns_tcp, ftp, http1, http2, imap, industrial, irc, kafka,
    kerberos, ldap, memcached, mongodb, mqtt, mysql, pop3, postgres, proxy, rdp, redis, remote,
    sip, smb, smtp, ssh, storage, tds, tls, tns, x11, xmpp, zookeeper,
};

/// One protocol's recogniser.
pub struct Recogniser {
    /// The protocol it looks for.
    pub protocol: Protocol,
    /// Ports where the protocol is expected; a prior, never proof.
    pub ports: &'static [u16],
    /// Returns a story if the content is the protocol's.
    run: fn(&Dialogue<'_>) -> Option<AppStory>,
}

const fn entry(
    protocol: Protocol,
    ports: &'static [u16],
    run: fn(&Dialogue<'_>) -> Option<AppStory>,
) -> Recogniser {
    Recogniser {
        protocol,
        ports,
        run,
    }
}

/// In order of precedence: the ones with unmistakable first bytes come first.
static RECOGNISERS: &[Recogniser] = &[
    entry(Protocol::ProxyProtocol, &[], proxy::recognise),
    entry(
        Protocol::Tls,
        &[
            443, 465, 636, 853, 989, 990, 992, 993, 995, 3269, 5061, 5671, 6443, 8443, 8883, 9443,
        ],
        tls::recognise,
    ),
    entry(Protocol::Http2, &[80, 8080, 50051], http2::recognise),
    entry(
        Protocol::Http1,
        &[80, 591, 3128, 8000, 8008, 8080, 8081, 8088, 8888],
        http1::recognise,
    ),
    entry(Protocol::Ssh, &[22, 2222], ssh::recognise),
    entry(Protocol::Smtp, &[25, 465, 587, 2525], smtp::recognise),
    entry(Protocol::Ftp, &[21, 2121], ftp::recognise),
    entry(Protocol::Imap, &[143, 993], imap::recognise),
    entry(Protocol::Pop3, &[110, 995], pop3::recognise),
    entry(Protocol::MySql, &[3306, 33_060], mysql::recognise),
    entry(Protocol::PostgreSql, &[5432, 6432], postgres::recognise),
    entry(Protocol::Tds, &[1433], tds::recognise),
    entry(Protocol::Tns, &[1521, 1526], tns::recognise),
    entry(Protocol::Redis, &[6379, 6380], redis::recognise),
    entry(
        Protocol::MongoDb,
        &[27_017, 27_018, 27_019],
        mongodb::recognise,
    ),
    entry(Protocol::Cassandra, &[9042, 9142], cassandra::recognise),
    entry(Protocol::Memcached, &[11_211], memcached::recognise),
    entry(Protocol::Kafka, &[9092, 9093], kafka::recognise),
    entry(Protocol::Amqp, &[5671, 5672], amqp::recognise),
    entry(Protocol::Mqtt, &[1883, 8883], mqtt::recognise),
    entry(Protocol::Ldap, &[389, 636, 3268, 3269], ldap::recognise),
    entry(Protocol::Kerberos, &[88, 464], kerberos::recognise),
    entry(Protocol::Smb, &[139, 445], smb::recognise),
    entry(Protocol::Rdp, &[3389], rdp::recognise),
    entry(Protocol::Dns, &[53], dns_tcp::recognise),
    entry(Protocol::Sip, &[5060, 5061], sip::recognise_sip),
    entry(Protocol::Rtsp, &[554, 8554], sip::recognise_rtsp),
    entry(Protocol::Bgp, &[179], bgp::recognise),
    entry(Protocol::Ldp, &[646], bgp::recognise_ldp),
    entry(Protocol::Nats, &[4222], chat::nats),
    entry(Protocol::Stomp, &[61_613], chat::stomp),
    entry(Protocol::Xmpp, &[5222, 5269], xmpp::recognise),
    entry(Protocol::Irc, &[6667, 6697], irc::recognise),
    entry(Protocol::Nntp, &[119, 563], chat::nntp),
    entry(Protocol::Rsync, &[873], chat::rsync),
    entry(Protocol::Git, &[9418], storage::git),
    entry(Protocol::Vnc, &[5900, 5901], remote::vnc),
    entry(Protocol::X11, &[6000, 6001, 6010], x11::recognise),
    entry(Protocol::Telnet, &[23], remote::telnet),
    entry(Protocol::Socks, &[1080], remote::socks),
    entry(Protocol::ZooKeeper, &[2181], zookeeper::recognise),
    entry(Protocol::Iscsi, &[3260], storage::iscsi),
    entry(Protocol::Rpc, &[111, 2049], storage::rpc),
    entry(Protocol::DceRpc, &[135], storage::dcerpc),
    entry(Protocol::Modbus, &[502], industrial::modbus),
    entry(Protocol::EtherNetIp, &[44_818], industrial::enip),
    entry(Protocol::S7, &[102], industrial::s7),
    entry(Protocol::OpcUa, &[4840], industrial::opc_ua),
    entry(Protocol::OpenFlow, &[6633, 6653], cluster::openflow),
    entry(Protocol::Aerospike, &[3000], cluster::aerospike),
];

/// All recognisers in order of precedence.
#[must_use]
pub fn recognisers() -> &'static [Recogniser] {
    RECOGNISERS
}

/// The best story of all recognisers: by confidence, then by port, then by order.
pub(super) fn best(d: &Dialogue<'_>) -> AppStory {
    let mut best: Option<((Confidence, bool), AppStory)> = None;
    let on_port = |r: &&Recogniser| r.ports.contains(&d.server_port);
    let in_front = |r: &&Recogniser| r.protocol == Protocol::ProxyProtocol;
    if let Some(story) = RECOGNISERS.iter().find(in_front).and_then(|r| (r.run)(d)) {
        return story; // it stands in front of whatever else the streams hold
    }
    // the port's own protocols first: once one of them is certain, nothing can outdo it
    let expected = RECOGNISERS.iter().filter(on_port);
    let others = RECOGNISERS.iter().filter(|r| !on_port(r));
    for recogniser in expected.chain(others).filter(|r| !in_front(r)) {
        let Some(story) = (recogniser.run)(d) else {
            continue;
        };
        let rank = (story.confidence, on_port(&recogniser));
        if rank == (Confidence::High, true) {
            return story;
        }
        if rank.0 == Confidence::Low && !rank.1 {
            continue;
        }
        if best.as_ref().is_none_or(|(r, _)| rank > *r) {
            best = Some((rank, story));
        }
    }
    best.map(|(_, story)| story).unwrap_or_default()
}

/// Ports above the system's (RFC 6335 6) on which hardly anybody runs something else. On most
/// others a web application is as likely as what the port is registered for.
const HELD: [u16; 12] = [
    1433, 1521, 3306, 3389, 5432, 5672, 5900, 6379, 9042, 9092, 11_211, 27_017,
];

/// The protocol expected on a port can be held against a client that speaks another one.
#[must_use]
pub fn is_reserved(port: u16) -> bool {
    port < 1024 || HELD.contains(&port)
}

/// Protocols expected on a port, in order of precedence.
pub(super) fn expected_on(port: u16) -> impl Iterator<Item = Protocol> {
    RECOGNISERS
        .iter()
        .filter(move |r| r.ports.contains(&port))
        .map(|r| r.protocol)
}
