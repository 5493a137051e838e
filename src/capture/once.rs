//! What can be read once only: standard input, a named pipe.

use super::compressed::Ending;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read before anything else is done: of an input that ends within them, the length is
/// known, and it is treated like a file of that length.
pub(super) const AHEAD: usize = 8 << 20;

/// Hands a pipe's bytes through and writes them to a file, to be read there a second time.
pub(super) struct Copying {
    input: Box<dyn Read + Send>,
    copy: Arc<File>,
    ending: Ending,
}

impl Copying {
    /// With an ending that counts the bytes.
    pub(super) fn new(input: Box<dyn Read + Send>, copy: &Arc<File>) -> (Self, Ending) {
        let ending = Ending::default();
        let copying = Self {
            input,
            copy: Arc::clone(copy),
            ending: ending.clone(),
        };
        (copying, ending)
    }
}

impl Read for Copying {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        (&*self.copy).write_all(buf.get(..n).unwrap_or_default())?;
        self.ending.count(n as u64);
        Ok(n)
    }
}

/// The first reading of such an input, until someone takes it.
#[derive(Default)]
pub(super) struct First(Mutex<Option<Stream>>);

/// A reader of decompressed bytes, and what tells how it ended.
pub(super) type Stream = (Box<dyn Read + Send>, Ending);

impl First {
    pub(super) fn new(stream: Stream) -> Self {
        Self(Mutex::new(Some(stream)))
    }

    /// The reading, unless it was taken before.
    pub(super) fn take(&self) -> Option<Stream> {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.take()
    }
}

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("First")
    }
}
