//! The few things that are done differently on Unix and Windows: reading at an offset, telling
//! files apart, who may read what is written, large pages, and what only Linux tells. Beside tests, the only
//! file that asks for the system it is compiled for.

use memmap2::MmapMut;
use std::fs::{File, Metadata};
use std::io;

/// Reads at an offset without moving any shared position.
#[cfg(unix)]
pub(super) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

/// Reads at an offset; the file's position moves, but nothing relies on it.
#[cfg(windows)]
pub(super) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

/// Fills the buffer with what lies at an offset.
pub(crate) fn read_whole_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    let mut had = 0;
    while let Some(rest) = buf.get_mut(had..).filter(|rest| !rest.is_empty()) {
        match read_at(file, rest, offset.saturating_add(had as u64)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => had += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Device and inode: equal for two names of one file.
#[cfg(unix)]
pub(super) fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Not to be had from stable Rust on this system; paths are compared instead.
#[cfg(not(unix))]
pub(super) fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Makes a file under its temporary name as readable as any file that a program creates: the
/// umask decides, not the privacy of a temporary file.
#[cfg(unix)]
pub(crate) fn readable<'b>(
    builder: &'b mut tempfile::Builder<'static, 'static>,
) -> &'b mut tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(0o666))
}

/// As readable as the directory makes it: nothing to do.
#[cfg(not(unix))]
pub(crate) fn readable<'b>(
    builder: &'b mut tempfile::Builder<'static, 'static>,
) -> &'b mut tempfile::Builder<'static, 'static> {
    builder
}

/// New memory of so many bytes, all zero, in huge pages where the system has them: it comes
/// several times faster than by pages of 4 KiB. `None` if there is none.
pub(crate) fn large_pages(len: usize) -> Option<MmapMut> {
    let memory = MmapMut::map_anon(len).ok()?;
    #[cfg(target_os = "linux")]
    let _ = memory.advise(memmap2::Advice::HugePage); // without it, small pages do as well
    Some(memory)
}

/// Memory that programs can have without swapping, in bytes, as Linux estimates it; other
/// systems have no `/proc`.
pub(crate) fn available_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}
