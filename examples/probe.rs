use rstcap::scan::*;
use std::sync::atomic::AtomicBool;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let threads: usize = std::env::var("J")
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(2);
    let chunk: u64 = std::env::var("CHUNK")
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(CHUNK_SIZE);
    let stop = AtomicBool::new(false);
    let plan = Plan {
        paths: args.iter().map(Into::into).collect(),
        include: globset::GlobSet::empty(),
        exclude: globset::GlobSet::empty(),
        separate: false,
        threads,
        chunk_size: chunk,
        max_memory: 4 << 30,
        progress: &Silent,
        stop: &stop,
    };
    let t = std::time::Instant::now();
    let out = scan(&plan).unwrap();
    eprintln!("{:?} {:?}", out.totals, t.elapsed());
    for e in &out.errors {
        println!("ERR {e}");
    }
    for (f, k, t) in out.anomalies.iter() {
        println!("ANOM {} {} {:?}", out.files[f.0 as usize].label, k.id(), t);
    }
    if std::env::var("Q").is_ok() {
        return;
    }
    for tl in &out.timelines {
        let label = &tl.files.jobs()[0].label;
        for c in &tl.connections {
            for s in &c.segments {
                if s.is_rst() {
                    println!("RST\t{label}\t{}\t{}", s.frame.in_file, c.stream);
                }
            }
            println!(
                "CONN\t{label}\t{} > {}\tinc {}\tsegs {}\tleft {:?}\tname {:?}",
                c.client,
                c.server,
                c.incarnation,
                c.segments.len(),
                c.left_out,
                c.name.as_ref().map(|n| &n.name)
            );
        }
    }
}
