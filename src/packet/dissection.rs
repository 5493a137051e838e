//! What a dissection knows while it goes inwards.

use super::layer::Layer;
use super::{
    Fragment, FragmentView, IpView, LinkView, PacketView, Stop, StopReason, Transport, TunnelId,
};

/// Tunnels inside tunnels that are followed.
const MAX_TUNNELS: u8 = 8;

/// Headers in all, apart from VLAN tags, MPLS labels and IPv6 extensions, that are followed.
/// Bounds the recursion.
const MAX_HEADERS: u8 = 40;

/// Outcome of every dissecting function: what was read is in the [`Dissection`].
pub(super) type Outcome = Result<(), Stop>;

/// The view as it grows, and the state that goes into it with the next IP header.
#[derive(Clone, Copy)]
pub(super) struct Dissection<'a> {
    /// What was read so far.
    pub view: PacketView<'a>,
    /// Link layer of the frame being read.
    pub link: LinkView,
    /// The outermost datagram that is a fragment.
    pub fragment: Option<FragmentView<'a>>,
    tunnel: TunnelId,
    depth: u8,
    headers: u8,
}

impl<'a> Dissection<'a> {
    #[inline]
    pub fn new() -> Self {
        let link = LinkView {
            src_mac: None,
            dst_mac: None,
            vlan: None,
            outbound: None,
        };
        Self {
            view: PacketView {
                link,
                tunnel: TunnelId(0),
                depth: 0,
                ip: None,
                ip_offset: 0,
                transport: Transport::None,
                fragmented: false,
                stop: None,
            },
            link,
            fragment: None,
            tunnel: TunnelId(0),
            depth: 0,
            headers: 0,
        }
    }

    /// Counts a header that may hold any other one.
    ///
    /// # Errors
    /// [`StopReason::TooDeep`].
    pub fn descend(&mut self, layer: Layer<'a>, name: &'static str) -> Outcome {
        self.headers += 1;
        if self.headers > MAX_HEADERS {
            return Err(layer.stop(name, 0, StopReason::TooDeep));
        }
        Ok(())
    }

    /// Enters a tunnel that has no identifier both directions share.
    ///
    /// # Errors
    /// [`StopReason::TooDeep`].
    pub fn enter(&mut self, layer: Layer<'a>, name: &'static str) -> Outcome {
        self.descend(layer, name)?;
        if self.depth >= MAX_TUNNELS {
            return Err(layer.stop(name, 0, StopReason::TooDeep));
        }
        self.depth += 1;
        Ok(())
    }

    /// Enters a tunnel with an identifier that is the same in both directions.
    ///
    /// # Errors
    /// [`StopReason::TooDeep`].
    pub fn enter_keyed(&mut self, layer: Layer<'a>, name: &'static str, id: u32) -> Outcome {
        self.enter(layer, name)?;
        let mut hash = match self.tunnel.0 {
            0 => 0x811c_9dc5,
            outer => outer,
        };
        for byte in name.bytes().chain(id.to_be_bytes()) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193); // FNV-1a
        }
        self.tunnel = TunnelId(hash.max(1));
        Ok(())
    }

    /// Records an IP header: it is the innermost one so far.
    #[inline]
    pub fn set_ip(&mut self, layer: Layer<'a>, ip: IpView) {
        self.view.link = self.link;
        self.view.tunnel = self.tunnel;
        self.view.depth = self.depth;
        self.view.ip = Some(ip);
        self.view.ip_offset = layer.offset;
        self.view.transport = Transport::None;
    }

    /// Records that the IP header read last is that of a fragment with this payload; the
    /// outermost one is kept.
    #[cold]
    pub fn set_fragment(&mut self, fragment: Fragment, payload: Layer<'a>) {
        let Some(ip) = self.view.ip else { return };
        self.view.fragmented = true;
        self.fragment.get_or_insert(FragmentView {
            addresses: ip.addresses,
            tunnel: self.tunnel,
            protocol: ip.protocol,
            fragment,
            payload: payload.data,
            payload_len: payload.wire,
        });
    }

    /// Records a defect that does not end the dissection; the outermost one is kept.
    #[cold]
    pub fn note(&mut self, stop: Stop) {
        self.view.stop.get_or_insert(stop);
    }
}
