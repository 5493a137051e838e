//! Runs a target on mutated seeds and keeps what makes it panic or hang.

use super::mutation::mutate;
use super::seeds::seeds;
use super::targets::Target;
use crate::support::random::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More processor time than this is a hang.
const HANG: Duration = Duration::from_secs(5);

/// So is more time on the clock, however little of it a busy machine grants.
const STARVED: Duration = Duration::from_secs(120);

/// What to run and how long.
pub struct Plan<'a> {
    pub target: &'static Target,
    pub seed: u64,
    pub time: Duration,
    /// Most executions.
    pub most: u64,
    /// Directory for offending inputs.
    pub keep: &'a Path,
}

/// What came of it.
pub struct Done {
    pub executions: u64,
    pub failures: Vec<String>,
    /// The longest execution.
    pub slowest: Duration,
}

/// The input being run and since when, for the watchdog.
type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

/// Runs until the time is over. A hang ends the process, as nothing else can end it; its
/// input is saved before.
pub fn run(plan: &Plan<'_>) -> Done {
    let seeds = seeds(plan.target.kind);
    let mut random = Random::new(plan.seed);
    let current = Current::default();
    let over = Arc::new(AtomicBool::new(false));
    let watchdog = watch(plan, Arc::clone(&current), Arc::clone(&over));
    let begin = Instant::now();
    let mut done = Done {
        executions: 0,
        failures: Vec::new(),
        slowest: Duration::ZERO,
    };
    while begin.elapsed() < plan.time && done.executions < plan.most {
        let seed = random.pick(&seeds).clone();
        let input = if done.executions < seeds.len() as u64 {
            seeds[done.executions as usize].clone()
        } else {
            mutate(&seed, &mut random)
        };
        let start = Instant::now();
        *current.lock().unwrap_or_else(PoisonError::into_inner) = Some((start, input.clone()));
        let mut choices = Random::new(random.next());
        let ran = catch_unwind(AssertUnwindSafe(|| (plan.target.run)(&input, &mut choices)));
        done.slowest = done.slowest.max(start.elapsed());
        done.executions += 1;
        if let Err(panic) = ran {
            let path = keep(plan.keep, plan.target.name, done.executions, &input);
            done.failures
                .push(format!("{}: {}", path.display(), words(&*panic)));
        }
    }
    over.store(true, Ordering::Relaxed);
    let _ = watchdog.join();
    done
}

fn watch(plan: &Plan<'_>, current: Current, over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let (directory, name) = (plan.keep.to_path_buf(), plan.target.name);
    std::thread::spawn(move || {
        let mut seen: Option<(Instant, Duration)> = None;
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
            let now = current.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((start, input)) = &*now else {
                continue;
            };
            let used = match seen {
                Some((known, used)) if known == *start => processor_time().saturating_sub(used),
                _ => {
                    seen = Some((*start, processor_time()));
                    continue;
                }
            };
            let hangs = used > HANG || start.elapsed() > STARVED;
            if hangs && !over.load(Ordering::Relaxed) {
                let path = keep(&directory, name, 0, input);
                eprintln!("{name}: no end after {HANG:?}: {}", path.display());
                std::process::exit(101);
            }
        }
    })
}

/// What the process has used of processors; of the clock where the system does not say.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // behind the name in parentheses: the 12th and 13th field, in hundredths of a second
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    match ticks.sum::<Result<u64, _>>() {
        Ok(ticks) if !fields.is_empty() => Duration::from_millis(ticks * 10),
        _ => std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default(),
    }
}

fn keep(directory: &Path, name: &str, number: u64, input: &[u8]) -> PathBuf {
    let path = directory.join(format!("{name}-{number}"));
    if let Err(e) = std::fs::write(&path, input) {
        eprintln!("{}: {e}", path.display());
    }
    path
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").chars().take(300).collect()
}
