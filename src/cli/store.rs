//! An output directory and what earlier runs left in it. `cases.ndjson` is the state: one line
//! per case, known again by the keys of its RSTs, whatever became of its capture.
//!
//! The list is written before the case files it names, and every file appears whole or not at
//! all. Whenever a run is killed, the next one finds the lines of what was begun and writes the
//! files that are missing.

use super::beside::{CASES, PAGE, cannot_write, replace};
use super::console::say;
use super::failure::Failure;
use crate::diagnosis::Case;
use crate::report::hostile::plain;
use crate::report::{ListedCase, in_order};
use crate::trim::TEMPORARY;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Held locked while a run writes there; the lock goes when the process does.
const LOCK: &str = ".rstcap.lock";
/// What a page of ours says of itself, near its beginning.
const GENERATOR: &[u8] = b"<meta name=\"generator\" content=\"rstcap ";
/// How far into a page that is looked for, in bytes.
const HEAD: u64 = 4096;

/// A case that an earlier run listed.
pub(super) struct Line {
    pub(super) listed: ListedCase,
    text: String,
}

impl Line {
    /// The line as JSON.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// An output directory, ours alone until this is dropped.
pub(super) struct Store {
    pub(super) directory: PathBuf,
    lines: BTreeMap<u32, Line>,
    /// Several lines have one key where a capture holds the same packets twice.
    by_key: HashMap<String, Vec<u32>>,
    /// Where the file system has no locks there is none.
    _lock: Option<File>,
}

impl Store {
    /// Makes the directory if there is none, locks it, and reads its list. Fails before a long
    /// scan when the result could not be written.
    pub(super) fn open(directory: &Path, force: bool) -> Result<Self, Failure> {
        let wrong = |e: io::Error| cannot_write(directory, &e);
        fs::create_dir_all(directory).map_err(wrong)?;
        // a temporary file shows whether files can be made there, and leaves nothing behind
        tempfile::tempfile_in(directory).map_err(wrong)?;
        let lock = lock(directory)?;
        sweep(directory);
        let list = directory.join(CASES);
        let lines = match File::open(&list) {
            Ok(file) => read(&list, BufReader::new(file), force)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                no_list(directory, force)?;
                BTreeMap::new()
            }
            Err(e) => return Err(cannot_write(&list, &e)),
        };
        check_page(&directory.join(PAGE), force)?;
        let mut by_key: HashMap<String, Vec<u32>> = HashMap::new();
        for line in lines.values() {
            for key in &line.listed.keys {
                by_key.entry(key.clone()).or_default().push(line.listed.id);
            }
        }
        Ok(Self {
            by_key,
            lines,
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// Every line, by id.
    pub(super) fn lines(&self) -> &BTreeMap<u32, Line> {
        &self.lines
    }

    /// The id of the first case that has one of these keys and is not `taken`.
    pub(super) fn find(&self, keys: &[String], taken: &BTreeSet<u32>) -> Option<u32> {
        let ids = keys.iter().filter_map(|k| self.by_key.get(k)).flatten();
        ids.copied().find(|id| !taken.contains(id))
    }

    /// Whether a case has one of these keys.
    pub(super) fn knows(&self, keys: &[String]) -> bool {
        keys.iter().any(|k| self.by_key.contains_key(k))
    }

    /// Where the case file of a line is, if it is there.
    pub(super) fn file_of(&self, id: u32) -> Option<PathBuf> {
        let name = self.lines.get(&id)?.listed.file.as_ref()?;
        Some(self.directory.join(name)).filter(|p| p.is_file())
    }

    /// Writes the list anew: lines of the `fresh` cases in the place of those with their ids,
    /// without those that are `gone`.
    pub(super) fn save(
        &self,
        fresh: &BTreeMap<u32, &Case>,
        line: &(dyn Fn(&Case) -> String + Sync),
        gone: &BTreeSet<u32>,
    ) -> Result<(), Failure> {
        let stays = |id: &&u32| !gone.contains(id) && !fresh.contains_key(id);
        let kept = self.lines.keys().filter(stays);
        let all: BTreeSet<u32> = kept.chain(fresh.keys()).copied().collect();
        let all: Vec<u32> = all.into_iter().collect();
        let text = |id: &u32| match (fresh.get(id), self.lines.get(id)) {
            (Some(case), _) => Cow::Owned(line(case)),
            (None, Some(old)) => Cow::Borrowed(old.text.as_str()),
            (None, None) => Cow::default(),
        };
        replace(&self.directory, CASES, true, |out| {
            in_order(&all, text, |line| out.write_all(line.as_bytes()))
        })
    }
}

fn lock(directory: &Path) -> Result<Option<File>, Failure> {
    let path = directory.join(LOCK);
    let mut options = File::options();
    let file = options.create(true).write(true).truncate(false).open(&path);
    let file = file.map_err(|e| cannot_write(&path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            let shown = plain(&directory.display().to_string());
            Err(
                Failure::output(format!("{shown}: another rstcap is writing there"))
                    .hint("wait for it, or choose another directory with -w"),
            )
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Takes away what a killed run was writing: half a file under a temporary name.
fn sweep(directory: &Path) {
    let [prefix, suffix] = TEMPORARY;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(prefix) && name.ends_with(suffix) {
            // that it stays does no harm
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn read(path: &Path, mut list: impl BufRead, force: bool) -> Result<BTreeMap<u32, Line>, Failure> {
    let mut lines = BTreeMap::new();
    let mut damaged = 0_u64;
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = list.read_until(b'\n', &mut bytes);
        if read.map_err(|e| cannot_write(path, &e))? == 0 {
            break;
        }
        match parse(&bytes).filter(|l| !lines.contains_key(&l.listed.id)) {
            Some(line) => {
                lines.insert(line.listed.id, line);
            }
            None if force => damaged += 1,
            None => return Err(not_a_case(path, number)),
        }
    }
    if damaged > 0 {
        let shown = plain(&path.display().to_string());
        say(format_args!(
            "rstcap: {shown}: {damaged} of its lines could not be used and were left out"
        ));
    }
    Ok(lines)
}

fn parse(bytes: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let listed = ListedCase::read(&serde_json::from_str(text).ok()?)?;
    Some(Line {
        listed,
        text: format!("{text}\n"),
    })
}

fn not_a_case(path: &Path, number: usize) -> Failure {
    let shown = plain(&path.display().to_string());
    Failure::output(format!(
        "{shown}: line {number} is no case as this rstcap lists them, or a second one with its id"
    ))
    .hint("mend or restore the list, choose another directory with -w, or redo it with --force")
}

/// Case files without their list would be written a second time under other numbers.
fn no_list(directory: &Path, force: bool) -> Result<(), Failure> {
    let names = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names = names.map(|e| e.file_name().to_string_lossy().into_owned());
    match names.find(|n| is_case_file(n)) {
        Some(name) if !force => Err(Failure::output(format!(
            "{}: holds case files such as {} and no {CASES}",
            plain(&directory.display().to_string()),
            plain(&name)
        ))
        .hint("restore the list, choose another directory with -w, or redo it with --force")),
        _ => Ok(()),
    }
}

/// `0003_20240714T...pcapng`.
fn is_case_file(name: &str) -> bool {
    let Some((number, rest)) = name.split_once('_') else {
        return false;
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    number.len() >= 4
        && digits(number)
        && rest.get(..8).is_some_and(digits)
        && name.ends_with(".pcapng")
}

/// A page that somebody else made is not replaced.
fn check_page(path: &Path, force: bool) -> Result<(), Failure> {
    let Ok(page) = File::open(path) else {
        return Ok(());
    };
    let mut head = Vec::new();
    if page.take(HEAD).read_to_end(&mut head).is_err() {
        return Ok(());
    }
    let ours = head.windows(GENERATOR.len()).any(|w| w == GENERATOR);
    if ours || force {
        return Ok(());
    }
    Err(Failure::output(format!(
        "{}: exists already, and rstcap did not make it",
        plain(&path.display().to_string())
    ))
    .hint("choose another directory with -w, or replace the page with --force"))
}
