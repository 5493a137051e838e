//! The protocols that have a recogniser.

use std::fmt;

macro_rules! protocols {
    ($($(#[$doc:meta])* $variant:ident => $id:literal, $name:literal;)*) => {
        /// An application protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Protocol {
            $($(#[$doc])* $variant,)*
        }

        impl Protocol {
            /// Every protocol, in the order of this file.
            pub const ALL: &'static [Protocol] = &[$(Protocol::$variant),*];

            /// Stable identifier for JSON and filters.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Protocol::$variant => $id,)* }
            }

            /// Name for people.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Protocol::$variant => $name,)* }
            }
        }
    };
}

protocols! {
    /// TLS, RFC 8446 and before.
    Tls => "tls", "TLS";
    /// HTTP/1.0 and 1.1, RFC 9112.
    Http1 => "http1", "HTTP/1";
    /// HTTP/2 without TLS, RFC 9113.
    Http2 => "http2", "HTTP/2";
    /// WebSocket after its HTTP upgrade, RFC 6455.
    WebSocket => "websocket", "WebSocket";
    /// PROXY protocol header, versions 1 and 2.
    ProxyProtocol => "proxy-protocol", "PROXY protocol";
    /// SOCKS 4 and 5, RFC 1928.
    Socks => "socks", "SOCKS";
    /// SSH transport, RFC 4253.
    Ssh => "ssh", "SSH";
    /// SMTP, RFC 5321.
    Smtp => "smtp", "SMTP";
    /// FTP control connection, RFC 959.
    Ftp => "ftp", "FTP";
    /// IMAP, RFC 9051.
    Imap => "imap", "IMAP";
    /// POP3, RFC 1939.
    Pop3 => "pop3", "POP3";
    /// MySQL and MariaDB client protocol.
    MySql => "mysql", "MySQL";
    /// PostgreSQL frontend/backend protocol 3.
    PostgreSql => "postgresql", "PostgreSQL";
    /// Microsoft SQL Server TDS, with or without SMP.
    Tds => "tds", "MS SQL TDS";
    /// Oracle TNS.
    Tns => "tns", "Oracle TNS";
    /// Redis RESP.
    Redis => "redis", "Redis";
    /// MongoDB wire protocol.
    MongoDb => "mongodb", "MongoDB";
    /// memcached, text and binary.
    Memcached => "memcached", "memcached";
    /// Apache Kafka.
    Kafka => "kafka", "Kafka";
    /// Cassandra native protocol.
    Cassandra => "cassandra", "Cassandra";
    /// AMQP 0-9-1 and the AMQP 1.0 header.
    Amqp => "amqp", "AMQP";
    /// MQTT 3.1, 3.1.1 and 5.
    Mqtt => "mqtt", "MQTT";
    /// LDAP, RFC 4511.
    Ldap => "ldap", "LDAP";
    /// SMB 1, 2 and 3 over TCP or NetBIOS.
    Smb => "smb", "SMB";
    /// Remote desktop, X.224 negotiation.
    Rdp => "rdp", "RDP";
    /// DNS over TCP, RFC 7766.
    Dns => "dns", "DNS";
    /// SIP, RFC 3261.
    Sip => "sip", "SIP";
    /// RTSP, RFC 2326.
    Rtsp => "rtsp", "RTSP";
    /// BGP-4, RFC 4271.
    Bgp => "bgp", "BGP";
    /// Kerberos over TCP, RFC 4120 7.2.2.
    Kerberos => "kerberos", "Kerberos";
    /// NATS client protocol.
    Nats => "nats", "NATS";
    /// STOMP.
    Stomp => "stomp", "STOMP";
    /// XMPP, RFC 6120.
    Xmpp => "xmpp", "XMPP";
    /// IRC, RFC 2812.
    Irc => "irc", "IRC";
    /// VNC, RFB protocol, RFC 6143.
    Vnc => "vnc", "VNC";
    /// Telnet, RFC 854.
    Telnet => "telnet", "Telnet";
    /// LDP, RFC 5036.
    Ldp => "ldp", "LDP";
    /// ZooKeeper client protocol.
    ZooKeeper => "zookeeper", "ZooKeeper";
    /// rsync daemon.
    Rsync => "rsync", "rsync";
    /// git daemon protocol.
    Git => "git", "git";
    /// Modbus/TCP.
    Modbus => "modbus", "Modbus";
    /// iSCSI, RFC 7143.
    Iscsi => "iscsi", "iSCSI";
    /// ONC RPC over TCP (NFS and others), RFC 5531.
    Rpc => "rpc", "ONC RPC";
    /// DCE/RPC over TCP.
    DceRpc => "dcerpc", "DCE/RPC";
    /// Aerospike.
    Aerospike => "aerospike", "Aerospike";
    /// `EtherNet/IP`.
    EtherNetIp => "ethernet-ip", "EtherNet/IP";
    /// Siemens S7 over ISO-on-TCP.
    S7 => "s7", "S7";
    /// OPC UA binary.
    OpcUa => "opc-ua", "OPC UA";
    /// `OpenFlow`.
    OpenFlow => "openflow", "OpenFlow";
    /// X Window System.
    X11 => "x11", "X11";
    /// NNTP, RFC 3977.
    Nntp => "nntp", "NNTP";
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn identifiers_are_unique_and_kebab_case() {
        let ids: BTreeSet<_> = Protocol::ALL.iter().map(|p| p.id()).collect();
        assert_eq!(ids.len(), Protocol::ALL.len());
        for id in ids {
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{id}"
            );
        }
    }
}
