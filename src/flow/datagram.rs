//! A segment whose datagram was fragmented, put together again.

/// Bytes of an IP datagram.
const MAX_DATAGRAM: u32 = 65_535;

/// A later fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Offset in the datagram's payload in bytes.
    pub offset: u32,
    /// Bytes on the wire.
    pub len: u32,
    /// More fragments follow.
    pub more: bool,
    /// Bytes that were captured.
    pub data: Vec<u8>,
}

/// Completes a segment that is the first fragment of its datagram: its payload as far as it is
/// without a gap, and its length, which is returned, once the last fragment is there. `len` is
/// the length by the first fragment, `start` where the TCP payload begins in the datagram's
/// payload; `tunnelled` says that the segment's own IP header, inside of what was fragmented,
/// tells its length.
pub fn complete(
    payload: &mut Vec<u8>,
    len: u32,
    start: u32,
    tunnelled: bool,
    parts: &mut [Part],
) -> u32 {
    parts.sort_by_key(|part| part.offset);
    let mut wire = len;
    for part in parts.iter().filter(|part| part.offset >= start) {
        if part.offset.saturating_add(part.len) > MAX_DATAGRAM {
            continue;
        }
        let at = part.offset - start;
        if let Some(known) = payload.len().checked_sub(at as usize) {
            let new = part.data.get(known..).unwrap_or_default();
            payload.extend_from_slice(new);
        }
        if at <= wire || !part.more {
            wire = wire.max(at + part.len);
        }
    }
    if tunnelled {
        payload.truncate(len as usize);
        return len;
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(offset: u32, data: &[u8], more: bool) -> Part {
        Part {
            offset,
            len: data.len() as u32,
            more,
            data: data.to_vec(),
        }
    }

    // a first fragment of 24 bytes: a header of 20 and four of payload
    fn completed(parts: &mut [Part]) -> (Vec<u8>, u32) {
        let mut payload = b"abcd".to_vec();
        let len = complete(&mut payload, 4, 20, false, parts);
        (payload, len)
    }

    #[test]
    fn parts_in_any_order_and_twice() {
        let mut parts = [
            part(40, b"uv", false),
            part(24, b"efghijkl", true),
            part(24, b"efghijkl", true),
            part(32, b"mnopqrst", true),
        ];
        assert_eq!(
            completed(&mut parts),
            (b"abcdefghijklmnopqrstuv".to_vec(), 22)
        );
    }

    #[test]
    fn a_gap_ends_the_payload_and_not_the_length() {
        let mut parts = [part(32, b"mnopqrst", true), part(40, b"uv", false)];
        assert_eq!(completed(&mut parts), (b"abcd".to_vec(), 22));
    }

    #[test]
    fn what_was_cut_by_the_capture_is_a_gap() {
        let mut parts = [part(24, b"efghijkl", true), part(32, b"mnop", false)];
        parts[0].data.truncate(3);
        assert_eq!(completed(&mut parts), (b"abcdefg".to_vec(), 16));
    }

    #[test]
    fn what_no_datagram_holds_is_no_part() {
        let mut parts = [
            part(65_528, b"12345678", false),
            part(8, b"before the header", true),
        ];
        assert_eq!(completed(&mut parts), (b"abcd".to_vec(), 4));
    }

    #[test]
    fn inside_a_tunnel_the_inner_header_tells_the_length() {
        let mut payload = b"abcd".to_vec();
        let mut parts = [part(64, b"efghij", false)];
        assert_eq!(complete(&mut payload, 6, 60, true, &mut parts), 6);
        assert_eq!(payload, b"abcdef");
    }
}
