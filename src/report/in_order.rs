//! Text of many cases, made on all threads and written in their order.

use rayon::prelude::*;
use std::io;

/// Items of which text is made at a time: that of all would take much memory.
const AT_ONCE: usize = 256;

/// Makes something of each item on the threads of the pool that this runs in, and hands the
/// results over in order, those of some items while those of the next ones are made.
///
/// # Errors
/// The first one of `take`.
pub fn in_order<T: Sync, R: Send>(
    items: &[T],
    make: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> io::Result<()> + Send,
) -> io::Result<()> {
    let mut made: Vec<R> = Vec::new();
    for some in items.chunks(AT_ONCE) {
        let ready = std::mem::take(&mut made);
        let (taken, next) = rayon::join(
            || ready.into_iter().try_for_each(&mut take),
            || some.par_iter().map(&make).collect(),
        );
        taken?;
        made = next;
    }
    made.into_iter().try_for_each(take)
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, in_order};
    use std::io;

    #[test]
    fn everything_in_order() {
        for n in [0, 1, AT_ONCE, 3 * AT_ONCE + 1] {
            let items: Vec<usize> = (0..n).collect();
            let mut out = Vec::new();
            let take = |i| {
                out.push(i);
                Ok(())
            };
            in_order(&items, |i| i + 1, take).unwrap();
            assert_eq!(out, (1..=n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let items: Vec<usize> = (0..4 * AT_ONCE).collect();
        for bad in [0, AT_ONCE, items.len() - 1] {
            let mut taken = 0;
            let take = |i| {
                if i == bad {
                    return Err(io::Error::other("full"));
                }
                taken += 1;
                Ok(())
            };
            let error = in_order(&items, |i| *i, take).unwrap_err();
            assert_eq!((error.to_string().as_str(), taken), ("full", bad));
        }
    }
}
