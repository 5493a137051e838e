//! Link types, as numbered in the LINKTYPE registry of tcpdump.org.

/// A link type: the low 16 bits of a pcap header's network field, or the `LinkType` of an IDB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

#[allow(missing_docs)] // the registry's names say it
impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const FDDI: Self = Self(10);
    /// Raw IP as written by some BSDs (DLT_RAW).
    pub const RAW_12: Self = Self(12);
    /// Raw IP as written by OpenBSD (DLT_RAW).
    pub const RAW_14: Self = Self(14);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    pub const ATM_RFC1483: Self = Self(100);
    pub const RAW: Self = Self(101);
    pub const C_HDLC: Self = Self(104);
    pub const IEEE802_11: Self = Self(105);
    pub const FRELAY: Self = Self(107);
    pub const LOOP: Self = Self(108);
    pub const ENC: Self = Self(109);
    pub const LINUX_SLL: Self = Self(113);
    pub const PFLOG: Self = Self(117);
    pub const IEEE802_11_PRISM: Self = Self(119);
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    pub const IEEE802_11_AVS: Self = Self(163);
    pub const PPP_PPPD: Self = Self(166);
    pub const PPI: Self = Self(192);
    pub const ERF: Self = Self(197);
    pub const PPP_WITH_DIR: Self = Self(204);
    pub const C_HDLC_WITH_DIR: Self = Self(205);
    pub const FRELAY_WITH_DIR: Self = Self(206);
    pub const MPLS: Self = Self(219);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const NFLOG: Self = Self(239);
    pub const NETANALYZER: Self = Self(240);
    pub const NETANALYZER_TRANSPARENT: Self = Self(241);
    pub const PKTAP: Self = Self(258);
    pub const LINUX_SLL2: Self = Self(276);
}
