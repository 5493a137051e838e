//! The floor of any comparison: the same bytes, read and not looked at.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Bytes per read, as in the scanner.
const CHUNK: u64 = 256 * 1024;

/// Reads the whole file with `threads` threads and prints bytes and seconds.
pub fn run(path: &Path, threads: usize) -> io::Result<()> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let next = AtomicU64::new(0);
    let started = Instant::now();
    let read: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| scope.spawn(|| worker(&file, size, &next)))
            .collect();
        workers
            .into_iter()
            .map(|w| {
                w.join()
                    .unwrap_or_else(|_| Err(io::Error::other("a reader panicked")))
            })
            .sum::<io::Result<u64>>()
    })?;
    println!("{read} bytes in {:.6} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn worker(file: &File, size: u64, next: &AtomicU64) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK as usize];
    let mut total = 0;
    loop {
        let offset = next.fetch_add(CHUNK, Ordering::Relaxed);
        if offset >= size {
            return Ok(total);
        }
        total += read_at(file, &mut buffer, offset)? as u64;
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
