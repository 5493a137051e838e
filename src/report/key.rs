//! What makes a RST the same RST in whatever file it is met: a copy, a compressed one, the
//! ring-buffer file it was rotated into, or the case file that was cut out.

use super::digest::sha256_hex;
use crate::diagnosis::Case;
use crate::flow::Segment;

/// Digest of a RST of the case: time in whole microseconds (a conversion from nanoseconds
/// keeps that much), addresses, ports, and the fields that its sender chose.
#[must_use]
pub fn reset_key(case: &Case, rst: &Segment) -> String {
    let c = &case.connection;
    let text = format!(
        "{} {} {} {} {} {} {} {:?} {} {:?}",
        rst.time.0.div_euclid(1000),
        c.endpoint(rst.from),
        c.endpoint(rst.from.peer()),
        rst.seq.0,
        rst.ack.0,
        rst.flags,
        rst.window,
        rst.ip_id,
        rst.ttl,
        rst.payload
    );
    sha256_hex(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::reset_key;
    use crate::report::testing::case;
    use crate::units::{FileId, Timestamp};

    #[test]
    fn the_same_in_another_file_and_another_at_another_time() {
        let key = |edit: fn(&mut crate::flow::Segment)| {
            let mut c = case(1);
            let mut rst = c.connection.segments.remove(3);
            edit(&mut rst);
            reset_key(&c, &rst)
        };
        let plain = key(|_| ());
        assert_eq!(plain.len(), 32);
        let moved = key(|s| {
            s.frame.file = FileId(7);
            s.frame.number.0 += 100;
            s.frame.span.offset = 0;
            s.time = Timestamp(s.time.0 + 999);
        });
        assert_eq!(plain, moved);
        assert_ne!(plain, key(|s| s.time = Timestamp(s.time.0 + 1000)));
        assert_ne!(plain, key(|s| s.ttl += 1));
        assert_ne!(plain, key(|s| s.seq = s.seq.plus(1)));
        assert_ne!(plain, key(|s| s.from = s.from.peer()));
    }
}
