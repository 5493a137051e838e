//! The JSON objects, schema 1. Fields are added, never renamed or given another meaning; a
//! change that breaks readers changes [`SCHEMA`]. The order here is the order of output.

use super::schema::schema;

/// Version of the JSON output.
pub(super) const SCHEMA: u32 = 1;

schema! {
    /// The whole report, `-T json`.
    struct Document {
        /// Version of this description: 1.
        schema: u32,
        /// Sums over everything that was read.
        totals: Totals,
        /// The input files.
        files: Vec<File>,
        /// What is wrong with the input, by file and kind.
        anomalies: Vec<Anomaly>,
        /// Cases that are one thing.
        groups: Vec<Group>,
        /// The cases.
        cases: Vec<Case>,
    }

    /// One reset connection: an element of `cases`, and a line of `-T ndjson` and of `cases.ndjson`.
    struct Case {
        /// Version of this description: 1.
        schema: u32,
        /// Number of the case, from 1: in this run, or in the directory given with -w.
        id: u32,
        /// Time of the primary RST, RFC 3339 in UTC, to the resolution of the capture.
        time: String,
        /// Diagnosis class, see rstcap-diagnoses(7).
        class: &'static str,
        /// The class in a few words.
        title: &'static str,
        /// How much it matters: harmless, info, warning or error.
        severity: &'static str,
        /// Who reset the connection: client-host, server-host, middlebox-as-server,
        /// middlebox-as-client, middlebox-both, server-side-intermediary, client-side-intermediary or unknown.
        party: &'static str,
        /// How sure `party` is: low, medium or high.
        party_confidence: &'static str,
        /// How sure `class` is: low, medium or high.
        cause_confidence: &'static str,
        /// How the cause is known: stated, observed or inferred.
        basis: &'static str,
        /// The story in one line.
        summary: String,
        /// Who or what ought to change, when that is not `party`.
        blame: Option<String>,
        /// When in the life of the connection: post_syn, post_ack, post_psh, later_in_flow or no_match.
        stage: &'static str,
        /// Connection state as Zeek names it.
        zeek_conn_state: &'static str,
        /// Wireshark's tcp.completeness: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
        tcp_completeness: u8,
        /// The side that opened the connection.
        client: Endpoint,
        /// The other side.
        server: Endpoint,
        /// How it is known which side is the client: syn, syn-ack, protocol, well-known-port,
        /// shared-port or lower-port.
        role_basis: &'static str,
        /// Where on the path the capture was taken.
        vantage: Vantage,
        /// The TCP handshake.
        handshake: Handshake,
        /// The application protocol of the last request, if one was recognised.
        protocol: Option<&'static str>,
        /// What TLS tells.
        tls: Option<Tls>,
        /// The DNS lookup that gave the server's address.
        dns: Option<Dns>,
        /// What was asked last, credentials masked.
        last_request: Option<String>,
        /// The error that the application protocol itself stated, with its sender.
        stated_error: Option<String>,
        /// Address and port of the true client, as a PROXY protocol header tells.
        proxied_client: Option<String>,
        /// Seconds without payload in either direction before the primary RST or its trigger.
        idle_before_s: Option<f64>,
        /// The RSTs of the connection that were kept, in capture order.
        rsts: Vec<Rst>,
        /// How many RSTs the connection had in all.
        rst_count: u64,
        /// The segment that provoked the primary RST.
        trigger: Option<Trigger>,
        /// What the diagnosis rests on, strongest first.
        evidence: Vec<Evidence>,
        /// What else it could be, likeliest first.
        alternatives: Vec<Alternative>,
        /// What to check next.
        advice: Vec<String>,
        /// What a capture taken elsewhere would settle.
        other_vantage: Option<String>,
        /// The questions a ticket asks, answered.
        checklist: Checklist,
        /// What differs from connections to the same service that were not reset.
        contrast: Vec<Contrast>,
        /// How much speaks for a RST forged on the path, in decibels (10 times the decimal
        /// logarithm of the odds).
        middlebox_score_db: i32,
        /// Where the primary RST is.
        source: Source,
        /// Wireshark's tcp.stream in the source.
        tcp_stream: u64,
        /// 0 for the first connection between these addresses and ports, then 1, 2...
        incarnation: u32,
        /// Display filter that shows the connection in its source.
        display_filter: String,
        /// Path of the case file, if one was written.
        case_file: Option<String>,
        /// Frame number of the primary RST in the case file.
        case_file_frame: Option<u64>,
        /// Packets in the case file.
        case_file_packets: Option<u64>,
        /// Id of the group the case belongs to.
        group: u32,
    }

    /// One side of a connection.
    struct Endpoint {
        /// Address.
        ip: String,
        /// Port.
        port: u16,
        /// Names of it in the capture (DNS, SNI, Host), best first.
        names: Vec<String>,
        /// Segments it sent, as captured.
        segments: u64,
        /// Payload bytes it sent, as captured, retransmissions included.
        bytes: u64,
    }

    /// Where on the path the capture was taken.
    struct Vantage {
        /// client-side, mid-path, server-side or unknown.
        point: &'static str,
        /// The capture says so itself.
        decisive: bool,
        /// Why it is believed.
        votes: Vec<String>,
    }

    /// The TCP handshake.
    struct Handshake {
        /// SYN, SYN-ACK and ACK were all seen.
        complete: bool,
        /// Smallest round-trip time between capture point and client, in milliseconds.
        rtt_client_ms: Option<f64>,
        /// Smallest round-trip time between capture point and server, in milliseconds.
        rtt_server_ms: Option<f64>,
    }

    /// What TLS tells.
    struct Tls {
        /// Server name the client asked for.
        sni: Option<String>,
        /// Application protocols the client offered.
        alpn: Vec<String>,
        /// Versions the client offered.
        versions: Vec<String>,
        /// Length of the ClientHello in bytes.
        client_hello_bytes: Option<u32>,
        /// The ClientHello is encrypted (ECH): the name shown is the outer one.
        encrypted_client_hello: bool,
        /// Version the server chose.
        version: Option<String>,
        /// Cipher suite the server chose, as its registered number in hexadecimal.
        cipher: Option<String>,
        /// The alert that tells most, with its sender.
        alert: Option<String>,
        /// Both sides finished the handshake, if the capture tells.
        handshake_complete: Option<bool>,
    }

    /// The DNS lookup that gave the server's address.
    struct Dns {
        /// The name that was asked for.
        name: String,
        /// CNAME chain from it to the owner of the address.
        cname_chain: Vec<String>,
        /// Who was asked.
        resolver: String,
        /// Frame of the query.
        query_frame: Option<u64>,
        /// Frame of the answer.
        answer_frame: u64,
        /// Seconds from the answer to the first segment of the connection.
        before_connection_s: f64,
    }

    /// A RST.
    struct Rst {
        /// Frame number in the timeline, from 1, counted over its files.
        frame: u64,
        /// The file that holds it.
        file: String,
        /// Frame number in that file, as Wireshark shows it.
        frame_in_file: u64,
        /// Capture time.
        time: String,
        /// Side whose address it carries: client or server.
        from: &'static str,
        /// What it is made as: refusal, stateless, stateless-ack, abort, bare-abort, behind,
        /// beyond or orphan.
        form: &'static str,
        /// Its part: primary, in-flight-echo, victim-reply, strafe, duplicate, crossing or later.
        role: &'static str,
        /// What it did to its receiver: effective, ineffective or unknown.
        effect: &'static str,
        /// TCP sequence number, raw.
        seq: u32,
        /// TCP acknowledgment number, raw; null without the ACK flag.
        ack: Option<u32>,
        /// TCP window field, unscaled.
        window: u16,
        /// TTL or hop limit.
        ttl: u8,
        /// IPv4 identification.
        ip_id: Option<u16>,
        /// Payload of the RST as text, if it has any.
        payload: Option<String>,
        /// What the payload says, where it is a known kind of explanation.
        reason: Option<String>,
        /// Digest of its time in microseconds, addresses, ports and fields: the same for the same
        /// RST in whatever file, by which a later run knows it again.
        key: String,
    }

    /// The segment that provoked the primary RST.
    struct Trigger {
        /// Frame number in the timeline.
        frame: u64,
        /// The file that holds it.
        file: String,
        /// Frame number in that file.
        frame_in_file: u64,
        /// Capture time.
        time: String,
        /// Its sender: client or server.
        from: &'static str,
        /// TCP flags, as in S, SA, PA.
        flags: String,
        /// Payload bytes.
        len: u32,
        /// Milliseconds from it to the primary RST.
        before_rst_ms: f64,
    }

    /// A statement and the frames that show it.
    struct Evidence {
        /// The statement.
        text: String,
        /// Frame numbers in the timeline, in capture order.
        frames: Vec<u64>,
    }

    /// Another class that fits.
    struct Alternative {
        /// Its id.
        class: &'static str,
        /// What speaks against it here.
        why_less_likely: String,
    }

    /// The questions a ticket asks, answered in sentences.
    struct Checklist {
        /// Which RST came first.
        first_reset: String,
        /// Who sent it.
        sender: String,
        /// What happened immediately before.
        just_before: String,
        /// Did the TCP handshake complete.
        handshake: String,
        /// Did TLS begin or complete.
        tls: String,
        /// Was application data sent.
        application_data: String,
        /// How long was it idle before.
        idle: String,
        /// TTL, MAC and path clues.
        path_clues: String,
        /// The last application bytes and the answer.
        last_application_bytes: String,
        /// Which log to look into, and when.
        where_to_look: String,
    }

    /// What differs from connections that were not reset.
    struct Contrast {
        /// The property that differs.
        property: String,
        /// In words.
        text: String,
        /// Counts by value of the property.
        counts: Vec<Count>,
        /// The statistical test and its result.
        test: String,
    }

    /// Connections with one value of a property.
    struct Count {
        /// The value.
        value: String,
        /// How many were reset.
        reset: u64,
        /// How many were not.
        not_reset: u64,
    }

    /// A place in a file.
    struct Source {
        /// The file.
        file: String,
        /// Frame number in it.
        frame: u64,
        /// Byte offset of the record in it, after decompression.
        offset: u64,
    }

    /// Cases that are one thing.
    struct Group {
        /// Its number, from 1.
        id: u32,
        /// Diagnosis class.
        class: &'static str,
        /// Severity of its worst case.
        severity: &'static str,
        /// Party.
        party: &'static str,
        /// Number of cases in `cases`.
        count: u64,
        /// RSTs that belong to it but were too many to be examined one by one.
        not_examined: u64,
        /// Time of the first primary RST.
        first: String,
        /// Time of the last primary RST.
        last: String,
        /// Seconds between cases, when they are periodic.
        period_s: Option<f64>,
        /// What sets it apart within its class and service.
        discriminator: Option<String>,
        /// Ids of its cases.
        cases: Vec<u32>,
    }

    /// An input file.
    struct File {
        /// Its path as given, or below the directory that was given.
        path: String,
        /// Which timeline it belongs to, from 0.
        timeline: u32,
        /// What it is.
        format: String,
        /// Length in bytes, as stored.
        bytes: u64,
        /// Packets in it.
        packets: u64,
        /// Time of its first packet.
        first_time: Option<String>,
        /// Time of its last packet.
        last_time: Option<String>,
        /// Why it could not be read, or not to its end.
        error: Option<String>,
    }

    /// Defects of one kind in one file.
    struct Anomaly {
        /// The file.
        file: String,
        /// What is wrong.
        kind: &'static str,
        /// How often.
        count: u64,
        /// Bytes concerned.
        bytes: u64,
        /// Byte offset of the first one, after decompression.
        first_offset: Option<u64>,
        /// Frame number, within the file, at or before the first one.
        first_frame: Option<u64>,
        /// What happened the first time.
        detail: String,
    }

    /// Sums over everything that was read.
    struct Totals {
        /// Input files that are captures.
        files: u64,
        /// Bytes, as stored.
        bytes: u64,
        /// Packets.
        packets: u64,
        /// TCP connections.
        connections: u64,
        /// RST segments.
        resets: u64,
        /// Cases, before filters.
        cases: u64,
        /// Groups, before filters.
        groups: u64,
        /// Cases in this report, after filters.
        shown: u64,
        /// Defects of the input.
        anomalies: u64,
        /// Names learned from DNS answers.
        dns_names: u64,
        /// Case files written.
        written: u64,
        /// Case files not written because of --max-cases or --per-group.
        not_written: u64,
    }
}
