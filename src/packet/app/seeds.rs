//! The beginning of one dialogue per protocol, for tests that hold for all of them.

use super::Protocol;

pub(super) struct Seed {
    pub protocol: Protocol,
    pub port: u16,
    pub says: &'static [(&'static str, &'static [u8])],
}

const fn seed(
    protocol: Protocol,
    port: u16,
    says: &'static [(&'static str, &'static [u8])],
) -> Seed {
    Seed {
        protocol,
        port,
        says,
    }
}

pub(super) const SEEDS: &[Seed] = &[
    seed(Protocol::Http1, 80, &[("c", b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]),
    seed(Protocol::Http1, 3128, &[("c", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\n\r\n")]),
    seed(Protocol::WebSocket, 80, &[("c", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), ("s", b"HTTP/1.1 101 S\r\n\r\n"), ("c", b"\x81\x82\0\0\0\0hi"), ("s", b"\x88\x02\x03\xe8")]),
    seed(Protocol::Tls, 443, &[("c", b"\x16\x03\x01\x00\x10\x01\x00\x00\x0c\x03\x03aaaaaaaaaa"), ("s", b"\x15\x03\x03\x00\x02\x02\x28")]),
    seed(Protocol::Http2, 8080, &[("c", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x0e\x01\x05\0\0\0\x01\x82\x86\x84\x41\x09a.example"), ("s", b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\x02")]),
    seed(Protocol::ProxyProtocol, 80, &[("c", b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 80\r\n")]),
    seed(Protocol::Socks, 1080, &[("c", b"\x05\x01\0"), ("s", b"\x05\0"), ("c", b"\x05\x01\0\x03\x01b\0\x50"), ("s", b"\x05\x05\0\x01\0\0\0\0\0\0")]),
    seed(Protocol::Ssh, 22, &[("s", b"SSH-2.0-a\r\n\0\0\0\x0c\x04\x14abcdef\0\0\0\0"), ("c", b"SSH-2.0-b\r\n\0\0\0\x0c\x04\x01\0\0\0\x02\0\0\0\0\0\0\0")]),
    seed(Protocol::Smtp, 25, &[("s", b"220 mx ESMTP\r\n"), ("c", b"EHLO a\r\n"), ("s", b"250-mx\r\n250 OK\r\n"), ("c", b"BDAT 4\r\nabcdQUIT\r\n")]),
    seed(Protocol::Ftp, 21, &[("s", b"220 FTP\r\n"), ("c", b"PASV\r\n"), ("s", b"227 (1,2,3,4,5,6)\r\n229 (|||77|)\r\n"), ("c", b"EPRT |1|1.2.3.4|99|\r\n")]),
    seed(Protocol::Imap, 143, &[("s", b"* OK hi\r\n"), ("c", b"a LOGIN {3}\r\njoe pw\r\n"), ("s", b"a NO x\r\n* BYE\r\n")]),
    seed(Protocol::Pop3, 110, &[("s", b"+OK\r\n"), ("c", b"RETR 1\r\n"), ("s", b"+OK\r\nabc\r\n.\r\n")]),
    seed(Protocol::MySql, 3306, &[("s", b"\x20\0\0\0\x0a8.0.36\0\x01\0\0\0abcdefgh\0\xff\xf7\x08\x02\0\0\0\0\0"), ("c", b"\x20\0\0\x01\x85\xa2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\0\0\0\x03SELECT"), ("s", b"\x09\0\0\x02\xff\x15\x04#28000")]),
    seed(Protocol::PostgreSql, 5432, &[("c", b"\0\0\0\x12\0\x03\0\0user\0joe\0\0"), ("s", b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"), ("c", b"P\0\0\0\x10\0SELECT 1\0\0\0S\0\0\0\x04"), ("s", b"E\0\0\0\x12SFATAL\0C57P01\0\0")]),
    seed(Protocol::Tds, 1433, &[("c", b"\x12\x01\0\x14\0\0\x01\0\0\0\x06\0\x06\xff\x09\0\0\0\0\0"), ("s", b"\x04\x01\0\x18\0\0\x01\0\xaa\x0d\0\x14\x48\0\0\x01\x0e\x02\0a\0b\0\0"), ("c", b"\x01\x01\0\x0e\0\0\x01\0\x04\0\0\0S\0")]),
    seed(Protocol::Tns, 1521, &[("c", b"\0\x3a\0\0\x01\0\0\0\x01\x3a\x01\x2c\0\0(SERVICE_NAME=shop)(PROGRAM=x)              "), ("s", b"\0\x14\0\0\x04\0\0\0\x22\0\0\x08(ERR=12)")]),
    seed(Protocol::Redis, 6379, &[("c", b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), ("s", b"*1\r\n$-1\r\n-ERR x\r\n")]),
    seed(Protocol::MongoDb, 27017, &[("c", b"\x2e\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x19\0\0\0\x02find\0\x02\0\0\0a\0\x10n\0\x01\0\0\0\0"), ("s", b"\x28\0\0\0\x01\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x13\0\0\0\x02errmsg\0\x02\0\0\0a\0")]),
    seed(Protocol::Memcached, 11211, &[("c", b"get k\r\nset k 0 0 1\r\nx\r\n"), ("s", b"VALUE k 0 1\r\nx\r\nEND\r\nSERVER_ERROR out\r\n")]),
    seed(Protocol::Memcached, 11211, &[("c", b"\x80\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x03\0\0\0\0\0\0\0\0\0\0\0\0abc"), ("s", b"\x81\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]),
    seed(Protocol::Kafka, 9092, &[("c", b"\0\0\0\x0e\0\x12\0\x03\0\0\0\x07\0\x04app1"), ("s", b"\0\0\0\x06\0\0\0\x07\0\x23")]),
    seed(Protocol::Cassandra, 9042, &[("c", b"\x04\0\0\x01\x01\0\0\0\0\x04\0\0\x01\x07\0\0\0\x0d\0\0\0\x08SELECT *x"), ("s", b"\x84\0\0\x01\0\0\0\0\x0a\0\0\x10\x01\0\x04busy")]),
    seed(Protocol::Amqp, 5672, &[("c", b"AMQP\0\0\x09\x01\x01\0\0\0\0\0\x05\0\x14\0\x0a\0\xce"), ("s", b"\x01\0\0\0\0\0\x0f\0\x0a\0\x32\x01\x40\x04busy\0\0\0\0\xce")]),
    seed(Protocol::Mqtt, 1883, &[("c", b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04dev1\x30\x04\0\x01ax"), ("s", b"\x20\x02\0\x05")]),
    seed(Protocol::Ldap, 389, &[("c", b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=a\x80\x02pw"), ("s", b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\0\x04\0")]),
    seed(Protocol::Smb, 445, &[("c", b"\0\0\0\x14\xfeSMB\x40\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0"), ("s", b"\0\0\0\x14\xfeSMB\x40\0\0\0\x22\0\0\xc0\x03\0\0\0\x01\0\0\0")]),
    seed(Protocol::Rdp, 3389, &[("c", b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=joe\r\n\x01\0\x08\0\x03\0\0\0"), ("s", b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x05\0\0\0")]),
    seed(Protocol::Dns, 53, &[("c", b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\xfc\0\x01"), ("s", b"\0\x1d\x12\x34\x80\x05\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\xfc\0\x01")]),
    seed(Protocol::Sip, 5060, &[("c", b"INVITE sip:b@b.example SIP/2.0\r\nCSeq: 1 INVITE\r\nl: 3\r\n\r\nv=0"), ("s", b"SIP/2.0 486 Busy Here\r\n\r\n")]),
    seed(Protocol::Rtsp, 554, &[("c", b"PLAY rtsp://a/ RTSP/1.0\r\nCSeq: 2\r\n\r\n"), ("s", b"$\0\0\x02abRTSP/1.0 200 OK\r\n\r\n")]),
    seed(Protocol::Bgp, 179, &[("c", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x1d\x01\x04\xfd\xe8\0\xb4\x0a\0\0\x01\0"), ("s", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x18\x03\x06\x02\x02no")]),
    seed(Protocol::Kerberos, 88, &[("c", b"\0\0\0\x12\x6a\x10\x30\x0e\xa4\x0c\x30\x0a\xa2\x08\x1b\x06EX.ORG"), ("s", b"\0\0\0\x09\x7e\x07\x30\x05\xa6\x03\x02\x01\x25")]),
    seed(Protocol::Nats, 4222, &[("s", b"INFO {}\r\n"), ("c", b"CONNECT {}\r\nPUB a 1\r\nx\r\n"), ("s", b"-ERR 'x'\r\n")]),
    seed(Protocol::Stomp, 61613, &[("c", b"CONNECT\nhost:a\n\n\0"), ("s", b"ERROR\nmessage:no\n\n\0")]),
    seed(Protocol::Xmpp, 5222, &[("c", b"<?xml?><stream:stream to='a'><auth>x</auth>"), ("s", b"<stream:error><a/></stream:error>")]),
    seed(Protocol::Irc, 6667, &[("c", b"NICK a\r\nUSER a 0 * :A\r\n"), ("s", b":x 433 a :in use\r\nERROR :Closing Link\r\n")]),
    seed(Protocol::Nntp, 119, &[("s", b"200 hi\r\n"), ("c", b"GROUP a\r\n"), ("s", b"400 idle\r\n")]),
    seed(Protocol::Rsync, 873, &[("s", b"@RSYNCD: 31.0\n"), ("c", b"@RSYNCD: 31.0\nmod\n"), ("s", b"@ERROR: no\n")]),
    seed(Protocol::Git, 9418, &[("c", b"0021git-upload-pack /a.git\0host=h\0"), ("s", b"000aERR no")]),
    seed(Protocol::Vnc, 5900, &[("s", b"RFB 003.008\n"), ("c", b"RFB 003.008\n"), ("s", b"\0\0\0\0\x04busy")]),
    seed(Protocol::X11, 6000, &[("c", b"B\0\0\x0b\0\0\0\0\0\0\0\0"), ("s", b"\0\x04\0\x0b\0\0\0\x01nope")]),
    seed(Protocol::Telnet, 23, &[("s", b"\xff\xfd\x18"), ("c", b"\xff\xfb\x18hello\r\n")]),
    seed(Protocol::Ldp, 646, &[("c", b"\0\x01\0\x10\x0a\0\0\x01\0\0\x02\x00\0\x06\0\0\0\x01\0\0"), ("s", b"\0\x01\0\x1c\x0a\0\0\x01\0\0\0\x01\0\x12\0\0\0\x01\x03\0\0\x0a\x80\0\0\x0a\0\0\0\0\0\0")]),
    seed(Protocol::ZooKeeper, 2181, &[("c", b"\0\0\0\x2c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0f\0\0\0\x01\0\0\0\x03\0\0\0\x02/a\0"), ("s", b"\0\0\0\x08\0\0\0\0\0\0\0\0")]),
    seed(Protocol::Iscsi, 3260, &[("c", b"\x43\x87\0\0\0\0\0\x0e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0InitiatorName=\0\0"), ("s", b"\x23\x87\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0\0\0\0\0")]),
    seed(Protocol::Rpc, 2049, &[("c", b"\x80\0\0\x28\0\0\0\x01\0\0\0\0\0\0\0\x02\0\x01\x86\xa3\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), ("s", b"\x80\0\0\x18\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0")]),
    seed(Protocol::DceRpc, 135, &[("c", b"\x05\0\x0b\x03\x10\0\0\0\x18\0\0\0\x01\0\0\0aaaaaaaa"), ("s", b"\x05\0\x0d\x03\x10\0\0\0\x1c\0\0\0\x01\0\0\0aaaaaaaabbbb")]),
    seed(Protocol::Modbus, 502, &[("c", b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x0a"), ("s", b"\0\x01\0\0\0\x03\x01\x83\x02")]),
    seed(Protocol::EtherNetIp, 44818, &[("c", b"\x65\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0"), ("s", b"\x65\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]),
    seed(Protocol::S7, 102, &[("c", b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02"), ("s", b"\x03\0\0\x13\x02\xf0\x80\x32\x03\0\0\0\0\0\0\0\0\x81\x04")]),
    seed(Protocol::OpcUa, 4840, &[("c", b"HELF\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0opc.tcp:"), ("s", b"ERRF\x14\0\0\0\0\0\x7d\x80\x04\0\0\0busy")]),
    seed(Protocol::OpenFlow, 6633, &[("c", b"\x01\0\0\x08\0\0\0\x01"), ("s", b"\x04\0\0\x08\0\0\0\x01\x04\x01\0\x0c\0\0\0\x01\0\0\0\0")]),
    seed(Protocol::Aerospike, 3000, &[("c", b"\x02\x01\0\0\0\0\0\x05node\n"), ("s", b"\x02\x03\0\0\0\0\0\x08\x16\0\0\0\0\x04\0\0")]),
];
