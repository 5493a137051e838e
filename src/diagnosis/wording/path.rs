//! Facts about the path and the maker of the reset, in words.

use super::duration;
use crate::diagnosis::evidence::Fact;

/// A fact of the party judgement; every other fact is worded in `facts`.
pub(super) fn fact(fact: &Fact) -> String {
    match fact {
        Fact::TooEarly { delay, rtt } => format!(
            "RST {} after the segment it answers, on a {} path",
            duration(*delay),
            duration(*rtt)
        ),
        Fact::AckTooEarly { delay, rtt } => format!(
            "the RST acknowledges data sent {} before, on a {} path",
            duration(*delay),
            duration(*rtt)
        ),
        Fact::WentOn { side, what, delay } => {
            format!(
                "the {} goes on: {what} {} after \"its\" RST",
                side.word(),
                duration(*delay)
            )
        }
        Fact::Hops {
            reset_ttl,
            usual_ttl,
            hops: 0,
        } => {
            format!("TTL {reset_ttl}, the sender's packets {usual_ttl}: the same hop count")
        }
        Fact::Hops {
            reset_ttl,
            usual_ttl,
            hops,
        } => format!(
            "TTL {reset_ttl}, the sender's other packets {usual_ttl}: {hops} hop{} apart",
            if *hops == 1 { "" } else { "s" }
        ),
        Fact::SameTtl { ttl } => format!("TTL {ttl}, as the sender's other packets"),
        Fact::Undecremented { ttl } => {
            format!(
                "TTL {ttl} as made on this link, although the address's neighbours are hops away"
            )
        }
        Fact::SeveralTtls { ttls } => {
            let list: Vec<String> = ttls.iter().map(u8::to_string).collect();
            format!("the RSTs of one burst carry TTLs {}", list.join(", "))
        }
        Fact::LowTtl { ttl } => {
            format!("TTL {ttl}: made on the sender's own host and not meant to reach the peer")
        }
        Fact::OwnFilter { side } => format!(
            "it comes from the {0}'s own distance, in hops and in time: a packet filter on the {0}'s host makes the same as one right before it",
            side.word()
        ),
        Fact::OwnCard { side } => format!(
            "it comes from the {}'s own network card with its usual TTL: made on its own host",
            side.word()
        ),
        Fact::OnThisLink { ttl } => format!(
            "TTL {ttl} is undecremented although the address is a public one: a NAT or proxy on this link speaks for it"
        ),
        Fact::IpIdJump { id, last } => {
            format!("IP ID {id} does not continue the sender's counter (last {last})")
        }
        Fact::IpIdNext { id } => format!("IP ID {id} continues the sender's counter"),
        Fact::IpIdZero => {
            "IP ID 0 without Don't Fragment, unlike the sender's other packets".to_owned()
        }
        Fact::SharedId { id, hosts } => {
            format!(
                "IP ID {id} is the same on the RSTs of {hosts} different hosts: a device's constant"
            )
        }
        Fact::TimestampMissing => {
            "no TCP time stamp, although the sender puts one on everything else".to_owned()
        }
        Fact::TimestampContinues => "its TCP time stamp continues the sender's clock".to_owned(),
        Fact::WindowCopied { window } => {
            format!("window {window} equals the other side's last one, not the sender's own")
        }
        Fact::WindowOfReply { window } => {
            format!("window {window}: most systems without the socket send 0")
        }
        Fact::WindowKept { window } => format!("window {window}, about the sender's last one"),
        Fact::WindowZero => "window 0, although the sender's window was open".to_owned(),
        Fact::MacDiffers { mac } => {
            format!("source MAC {mac}, never seen with this address before")
        }
        Fact::VlanDiffers { vlan, usual } => {
            format!("VLAN {vlan}, the sender's packets come in VLAN {usual}")
        }
        Fact::LabelZero => "IPv6 flow label 0, as reject rules and filters make it".to_owned(),
        Fact::TosDiffers { tos, usual } => {
            format!("traffic class {tos:#04x}, the sender's packets {usual:#04x}")
        }
        Fact::ReservedBits => "reserved or ECN bits are set".to_owned(),
        other => several(other),
    }
}

/// Several resets, and where they were seen.
fn several(fact: &Fact) -> String {
    match fact {
        Fact::BothWays { delay } => format!("resets in both directions {} apart", duration(*delay)),
        Fact::Burst { count, stepped: true } => {
            format!("{count} RSTs step through the sequence space")
        }
        Fact::Burst { count, stepped: false } => format!("{count} RSTs at once, answering nothing"),
        Fact::AckChanges => "two RSTs acknowledge different amounts without new data between".to_owned(),
        Fact::LaterDevice { side, count, ttl, usual } => format!(
            "{count} later RST{} in the {}'s name with TTL {ttl} (its own packets {usual}): a device on the path answers what still comes",
            if *count == 1 { "" } else { "s" },
            side.word()
        ),
        Fact::ConflictingData { side, bytes, ttls } => format!(
            "two different segments of the {} with one sequence number ({} bytes with TTL {}, {} with TTL {}): one was injected",
            side.word(),
            bytes.0,
            ttls.0,
            bytes.1,
            ttls.1
        ),
        Fact::SeenOnce => "the capture shows this sender's packets twice, the RST once: made between the two points".to_owned(),
        Fact::HostSent => "the capturing host sent it itself".to_owned(),
        Fact::HostReceived => "the capturing host received a RST with its own address".to_owned(),
        Fact::SameDevice { servers } => {
            format!("RSTs in the name of {servers} different servers come from one and the same distance")
        }
        Fact::OwnTime { rtt } => format!("the RST comes one round trip ({}) after the late segment", duration(*rtt)),
        Fact::BadChecksum => "its TCP checksum is wrong, the sender's others are right".to_owned(),
        other => format!("{other:?}"),
    }
}
