//! Damage as it happens and as it is made on purpose.

use crate::support::random::Random;

/// Numbers at the edges of what length fields hold.
const EDGES: [u32; 10] = [
    0,
    1,
    3,
    0x7f,
    0xff,
    0xffff,
    0x10000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// A copy with one to four changes.
pub fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let changes = 1 + random.below(4) * usize::from(random.one_in(2));
    for _ in 0..changes {
        change(&mut bytes, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(random.next() as u8);
        return;
    }
    // headers decide more than what follows them
    let span = if random.one_in(3) { 200 } else { usize::MAX };
    let at = random.below(bytes.len().min(span));
    let len = (1 << random.below(10)).min(bytes.len() - at);
    match random.below(12) {
        0..=3 => bytes[at] ^= 1 << random.below(8),
        4 => bytes[at] = random.next() as u8,
        5 => edge(bytes, at, random),
        6 => bytes[at..at + len].fill(0),
        7 => {
            let noise = random.bytes(len);
            bytes[at..at + len].copy_from_slice(&noise);
        }
        8 => drop(bytes.drain(at..at + len)),
        9 => {
            let copy = bytes[at..at + len].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        10 => bytes.truncate(at),
        _ => {
            let noise = random.bytes(len.min(64));
            bytes.splice(at..at, noise);
        }
    }
}

fn edge(bytes: &mut [u8], at: usize, random: &mut Random) {
    let value = *random.pick(&EDGES);
    let number = match random.below(4) {
        0 => value.to_be_bytes().to_vec(),
        1 => value.to_le_bytes().to_vec(),
        2 => (value as u16).to_be_bytes().to_vec(),
        _ => (value as u16).to_le_bytes().to_vec(),
    };
    for (to, from) in bytes[at..].iter_mut().zip(number) {
        *to = from;
    }
}
