//! Records of compressed files, taken out while the decompressed bytes are at hand: going back
//! in a compressed stream would mean decompressing it again.

use crate::capture::platform;
use crate::units::{FileId, Span};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};

/// Bytes held in memory before they go to the temporary file.
const IN_MEMORY: usize = 32 << 20;

/// Bytes of a record, roughly.
const USUAL: usize = 1 << 10;

/// Records and blocks by file and offset: the latest in memory, the others in an unnamed
/// temporary file.
#[derive(Debug, Default)]
pub struct Spool {
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
    memory: Vec<u8>,
    places: HashMap<(FileId, u64), Span, RandomState>,
}

impl Spool {
    /// Whether something that begins at `offset` of `file` is here.
    #[must_use]
    pub fn has(&self, file: FileId, offset: u64) -> bool {
        self.places.contains_key(&(file, offset))
    }

    /// Makes room for so many records more: memory that grows by doubling is copied each time.
    pub fn expect(&mut self, records: usize) {
        let room = IN_MEMORY.saturating_sub(self.memory.len());
        self.memory.reserve(records.saturating_mul(USUAL).min(room));
        self.places.reserve(records);
    }

    /// Adds the bytes at `offset` of `file`.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn add(&mut self, file: FileId, offset: u64, raw: &[u8]) -> io::Result<()> {
        if self.has(file, offset) {
            return Ok(());
        }
        if self.memory.len() + raw.len() > IN_MEMORY {
            self.flush()?;
        }
        let place = Span {
            offset: self.written + self.memory.len() as u64,
            len: u32::try_from(raw.len()).unwrap_or(u32::MAX),
        };
        self.memory.extend_from_slice(raw);
        self.places.insert((file, offset), place);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        file.write_all(&self.memory)?;
        self.file = Some(file);
        self.written += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// The bytes that begin at `offset` of `file`.
    ///
    /// # Errors
    /// They were never added, or the temporary file cannot be read.
    pub fn read(&self, file: FileId, offset: u64) -> io::Result<Vec<u8>> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let place = self.places.get(&(file, offset)).ok_or_else(missing)?;
        if let Some(at) = place.offset.checked_sub(self.written) {
            let rest = self.memory.get(at as usize..);
            let bytes = rest.and_then(|rest| rest.get(..place.len as usize));
            return bytes.map(<[u8]>::to_vec).ok_or_else(missing);
        }
        let spool = self.file.as_ref().ok_or_else(missing)?;
        let mut bytes = vec![0; place.len as usize];
        platform::read_whole_at(spool, &mut bytes, place.offset)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{IN_MEMORY, Spool};
    use crate::units::FileId;

    #[test]
    fn what_was_added_is_read_from_memory_and_from_the_file() {
        let mut spool = Spool::default();
        let record = |n: u64| vec![n as u8; 1 << 20];
        let count = 3 * (IN_MEMORY >> 20) as u64 / 2;
        for n in 0..count {
            spool.add(FileId(7), n * 5, &record(n)).unwrap();
        }
        assert!(spool.written > 0 && !spool.memory.is_empty());
        for n in 0..count {
            assert!(spool.has(FileId(7), n * 5));
            assert!(spool.read(FileId(7), n * 5).unwrap() == record(n));
        }
        assert!(spool.read(FileId(7), 1).is_err() && spool.read(FileId(8), 0).is_err());
    }

    #[test]
    fn what_is_longer_than_the_memory_goes_through() {
        let mut spool = Spool::default();
        let long = vec![9; IN_MEMORY + 5];
        spool.add(FileId(0), 0, b"short").unwrap();
        spool.add(FileId(0), 5, &long).unwrap();
        spool.add(FileId(0), 6, b"end").unwrap();
        assert_eq!(spool.read(FileId(0), 0).unwrap(), b"short");
        assert!(spool.read(FileId(0), 5).unwrap() == long);
        assert_eq!(spool.read(FileId(0), 6).unwrap(), b"end");
    }
}
