//! Commands to copy: for this case in the capture, and for what to look at next on the hosts.
//! Every word from a packet is quoted for a shell.

use super::files::Names;
use crate::diagnosis::{Case, Party};
use crate::packet::app::Protocol;
use crate::report::hostile::{is_hostile, shell_word};
use crate::report::{Report, display_filter};
use crate::units::FileId;
use std::net::IpAddr;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Where to run it, or what it shows.
    pub purpose: &'static str,
    /// For a POSIX shell.
    pub line: String,
}

fn command(purpose: &'static str, line: impl Into<String>) -> Command {
    Command {
        purpose,
        line: line.into(),
    }
}

/// Commands that open the case in its case file and in its source.
pub(super) fn in_capture(report: &Report<'_>, names: &Names, case: &Case) -> Vec<Command> {
    let mut all = Vec::new();
    if let Some(written) = report.written.get(&case.id) {
        let file = written
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let file = shell_word(&file);
        let at = written
            .reset
            .map(|n| format!(" -g {n}"))
            .unwrap_or_default();
        all.push(command(
            "case file, at the RST",
            format!("wireshark -r {file}{at}"),
        ));
        all.push(command(
            "case file in the terminal",
            format!("tshark -r {file} -o nameres.network_name:FALSE -T fields -e frame.number -e frame.packet_id -e frame.comment"),
        ));
    }
    let frame = case.primary_segment().frame;
    let here = report.file(frame.file).is_some_and(|f| !f.earlier);
    if let Some(source) = source(names, frame.file).filter(|_| here) {
        all.push(command(
            "source, at the RST",
            format!("wireshark -r {source} -g {}", frame.in_file),
        ));
        all.push(command(
            "source in the terminal",
            format!("tshark -r {source} -Y '{}'", display_filter(case)),
        ));
    }
    all
}

fn source(names: &Names, file: FileId) -> Option<String> {
    let name = names.raw(file);
    (!name.is_empty() && name != "-").then(|| shell_word(name))
}

/// What to run on the hosts and devices, by what the diagnosis suspects.
pub(super) fn on_hosts(case: &Case) -> Vec<Command> {
    let mut all = Vec::new();
    handshakes(case, &mut all);
    listeners(case, &mut all);
    aborts(case, &mut all);
    timers(case, &mut all);
    devices(case, &mut all);
    both_ends(case, &mut all);
    all
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// A name that a tool will take: visible characters only, and not an option.
fn usable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && !name.chars().any(|c| is_hostile(c) || c.is_whitespace())
}

fn handshakes(case: &Case, all: &mut Vec<Command>) {
    let server = case.connection.server;
    let address = format!("{}:{}", bracketed(server.ip), server.port);
    let names = crate::report::server_names(case);
    let name = names.iter().find(|n| usable(n));
    let tls = case.story.tls.as_ref();
    let class = case.diagnosis.class;
    if tls.is_some() || class.contains("tls") || class.contains("client-hello") {
        let hello = tls.and_then(|t| t.client_hello.as_ref());
        let sni = hello.and_then(|h| h.sni.as_deref()).filter(|n| usable(n));
        let with = match sni.or(name.map(String::as_str)) {
            Some(sni) => format!("-servername {}", shell_word(sni)),
            None => "-noservername".to_owned(),
        };
        all.push(command(
            "from the client: the same name",
            format!("openssl s_client -connect {address} {with} </dev/null"),
        ));
        if class == "reset-after-client-hello" || class == "middlebox-injection" {
            all.push(command(
                "from the client: no name, for comparison",
                format!("openssl s_client -connect {address} -noservername </dev/null"),
            ));
        }
    }
    let web = matches!(
        case.story.protocol,
        Some(Protocol::Http1 | Protocol::Http2 | Protocol::WebSocket)
    );
    if web || matches!(server.port, 80 | 443 | 8080 | 8443) {
        all.push(command(
            "from the client: the request",
            curl(case, name.map(String::as_str)),
        ));
    }
}

fn curl(case: &Case, name: Option<&str>) -> String {
    let server = case.connection.server;
    let secure = case.story.tls.is_some() || matches!(server.port, 443 | 8443);
    let scheme = if secure { "https" } else { "http" };
    let ip = bracketed(server.ip);
    // an address, or a name with its own port, needs no other resolution
    match name.filter(|n| !n.contains(':') && n.parse::<IpAddr>().is_err()) {
        Some(name) => {
            let resolve = shell_word(&format!("{name}:{}:{ip}", server.port));
            let url = shell_word(&format!("{scheme}://{name}:{}/", server.port));
            format!("curl -v --resolve {resolve} {url}")
        }
        None => {
            let url = shell_word(&format!("{scheme}://{ip}:{}/", server.port));
            format!("curl -v {url}")
        }
    }
}

fn listeners(case: &Case, all: &mut Vec<Command>) {
    let server = case.connection.server;
    let refused = [
        "syn-refused",
        "no-backend-suspected",
        "handshake-ack-rejected",
        "syn-rejected-by-middlebox",
        "no-such-connection",
        "reset-after-handshake",
    ];
    if !refused.contains(&case.diagnosis.class) {
        return;
    }
    all.push(command(
        "on the server: who listens",
        format!("ss -ltnp 'sport = :{}'", server.port),
    ));
    all.push(command(
        "on the server: full queues",
        "nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtTCPReqQFullDrop",
    ));
    all.push(command(
        "from the client: is it open now",
        format!("nc -vz {} {}", server.ip, server.port),
    ));
}

fn aborts(case: &Case, all: &mut Vec<Command>) {
    let d = &case.diagnosis;
    let host = match d.party {
        Party::ClientHost => "on the client: aborts by cause",
        Party::ServerHost => "on the server: aborts by cause",
        _ => return,
    };
    all.push(command(
        host,
        "nstat -az | grep -E 'TCPAbort|EstabResets|AttemptFails'",
    ));
    let end = match d.party {
        Party::ClientHost => format!(
            "dst {} and dport = :{}",
            bracketed(case.connection.server.ip),
            case.connection.server.port
        ),
        _ => format!("sport = :{}", case.connection.server.port),
    };
    all.push(command(
        "its sockets, unread data and timers",
        format!("ss -tnpoi '( {end} )'"),
    ));
}

fn timers(case: &Case, all: &mut Vec<Command>) {
    let classes = [
        "idle-timeout-reset",
        "stale-connection-reuse",
        "keepalive-race",
        "keepalive-probe-rejected",
        "nat-or-conntrack-state-lost",
        "half-open-recovery",
        "dead-peer-abort",
        "server-request-timeout",
    ];
    if !classes.contains(&case.diagnosis.class) {
        return;
    }
    all.push(command(
        "on both hosts: keep-alive timers",
        "sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes",
    ));
    all.push(command(
        "on a NAT or firewall: its timers",
        "sysctl net.netfilter | grep -E 'tcp_timeout|be_liberal|tcp_loose'",
    ));
    all.push(command(
        "on a NAT or firewall: what it knows",
        format!("conntrack -L -p tcp -s {}", case.connection.client.ip),
    ));
}

fn devices(case: &Case, all: &mut Vec<Command>) {
    let d = &case.diagnosis;
    let blamed = d.party.word() == "middlebox";
    let classes = [
        "firewall-policy-reset",
        "syn-rejected-by-middlebox",
        "nat-or-conntrack-state-lost",
    ];
    if !blamed && !classes.contains(&d.class) {
        return;
    }
    all.push(command(
        "on a Linux firewall: rules that reset",
        "nft list ruleset | grep -n 'tcp reset'; iptables-save | grep -n tcp-reset",
    ));
    let server = case.connection.server;
    all.push(command(
        "from the client: hops to the server's port",
        format!("traceroute -T -p {} {}", server.port, server.ip),
    ));
}

fn both_ends(case: &Case, all: &mut Vec<Command>) {
    if case.diagnosis.elsewhere().is_none() {
        return;
    }
    let (a, b) = (case.connection.client, case.connection.server);
    all.push(command(
        "at the other capture point",
        format!(
            "tcpdump -i any -s 256 -w other.pcap 'host {} and host {} and tcp port {}'",
            a.ip, b.ip, b.port
        ),
    ));
}
