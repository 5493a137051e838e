//! Which cases are wanted: `--class`, `--party`, `--severity`, `--host`, `--port`, `--name`,
//! `--since`, `--until`.
//!
//! Options of one kind are alternatives, options of different kinds must all hold, and a `!`
//! in front of a value takes away what it matches.

use super::args::Args;
use super::cidr::Network;
use super::nearest::nearest;
use super::time;
use crate::diagnosis::{Case, Party, Severity};
use crate::report::server_names;
use crate::units::Timestamp;
use globset::{GlobBuilder, GlobMatcher};

/// All severities, mildest first.
const SEVERITIES: [Severity; 4] = [
    Severity::Harmless,
    Severity::Info,
    Severity::Warning,
    Severity::Error,
];

/// What one kind of option admits.
#[derive(Clone, Debug)]
struct Choice<T> {
    wanted: Vec<T>,
    unwanted: Vec<T>,
}

impl<T> Choice<T> {
    fn parse(
        option: &str,
        values: &[String],
        one: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Self, String> {
        let mut choice = Self {
            wanted: Vec::new(),
            unwanted: Vec::new(),
        };
        for value in values {
            let (list, text) = match value.strip_prefix('!') {
                Some(rest) => (&mut choice.unwanted, rest),
                None => (&mut choice.wanted, value.as_str()),
            };
            list.push(one(text).map_err(|e| format!("{option}: {e}"))?);
        }
        Ok(choice)
    }

    fn admits(&self, holds: impl Fn(&T) -> bool) -> bool {
        (self.wanted.is_empty() || self.wanted.iter().any(&holds))
            && !self.unwanted.iter().any(&holds)
    }

    fn is_open(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }
}

/// A conjunction of conditions on a case.
#[derive(Clone, Debug)]
pub struct Filter {
    classes: Choice<GlobMatcher>,
    parties: Choice<Vec<Party>>,
    severities: Choice<Vec<Severity>>,
    hosts: Choice<Network>,
    ports: Choice<(u16, u16)>,
    names: Choice<GlobMatcher>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Filter {
    /// Reads the options. `classes` are the known class ids.
    ///
    /// # Errors
    /// The option and what is wrong with its value.
    pub fn parse(args: &Args, classes: &[&str]) -> Result<Self, String> {
        let at = |option: &str, value: &Option<String>| match value {
            None => Ok(None),
            Some(text) => time::parse(text)
                .map(Some)
                .map_err(|e| format!("{option}: {e}")),
        };
        Ok(Self {
            classes: Choice::parse("--class", &args.class, |t| class(t, classes))?,
            parties: Choice::parse("--party", &args.party, party)?,
            severities: Choice::parse("--severity", &args.severity, severity)?,
            hosts: Choice::parse("--host", &args.host, Network::parse)?,
            ports: Choice::parse("--port", &args.port, port)?,
            names: Choice::parse("--name", &args.name, glob)?,
            since: at("--since", &args.since)?,
            until: at("--until", &args.until)?,
        })
    }

    /// Whether everything passes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.classes.is_open()
            && self.parties.is_open()
            && self.severities.is_open()
            && self.hosts.is_open()
            && self.ports.is_open()
            && self.names.is_open()
            && self.since.is_none()
            && self.until.is_none()
    }

    /// Whether the case is wanted.
    #[must_use]
    pub fn matches(&self, case: &Case) -> bool {
        let d = &case.diagnosis;
        let c = &case.connection;
        let at = case.primary_segment().time;
        self.classes.admits(|g| g.is_match(d.class))
            && self.parties.admits(|p| p.contains(&d.party))
            && self.severities.admits(|s| s.contains(&d.severity))
            && self
                .hosts
                .admits(|n| n.contains(c.client.ip) || n.contains(c.server.ip))
            && self.ports.admits(|(low, high)| {
                (*low..=*high).contains(&c.client.port) || (*low..=*high).contains(&c.server.port)
            })
            && self.since.is_none_or(|t| at >= t)
            && self.until.is_none_or(|t| at < t)
            && self.matches_names(case)
    }

    fn matches_names(&self, case: &Case) -> bool {
        if self.names.is_open() {
            return true;
        }
        let names = server_names(case);
        self.names.admits(|g| names.iter().any(|n| g.is_match(n)))
    }
}

/// What `--fail-on` looks for.
#[derive(Clone, Debug, Default)]
pub struct FailOn {
    classes: Vec<GlobMatcher>,
    at_least: Option<Severity>,
}

impl FailOn {
    /// Reads the values: severities (this or worse) and classes.
    ///
    /// # Errors
    /// What is wrong with a value.
    pub fn parse(values: &[String], classes: &[&str]) -> Result<Self, String> {
        let mut fail_on = Self::default();
        for value in values {
            match one_severity(value.trim_end_matches('+')) {
                Some(s) => fail_on.at_least = Some(fail_on.at_least.map_or(s, |a| a.min(s))),
                None => fail_on
                    .classes
                    .push(class(value, classes).map_err(|e| format!("--fail-on: {e}"))?),
            }
        }
        Ok(fail_on)
    }

    /// Whether the run fails because of this case.
    #[must_use]
    pub fn matches(&self, case: &Case) -> bool {
        self.at_least.is_some_and(|s| case.diagnosis.severity >= s)
            || self
                .classes
                .iter()
                .any(|g| g.is_match(case.diagnosis.class))
    }
}

fn class(text: &str, classes: &[&str]) -> Result<GlobMatcher, String> {
    let pattern = glob(text)?;
    if classes.iter().any(|c| pattern.is_match(c)) {
        return Ok(pattern);
    }
    let guess = nearest(text, classes).map_or_else(
        || "--list-classes shows them".to_owned(),
        |near| format!("did you mean {near}?"),
    );
    Err(format!("there is no class '{text}'; {guess}"))
}

fn party(text: &str) -> Result<Vec<Party>, String> {
    let several: &[Party] = match text {
        "client" => &[Party::ClientHost],
        "server" => &[Party::ServerHost],
        "middlebox" => &[
            Party::MiddleboxAsServer,
            Party::MiddleboxAsClient,
            Party::MiddleboxBoth,
        ],
        "intermediary" => &[Party::ServerSideIntermediary, Party::ClientSideIntermediary],
        _ => &[],
    };
    if !several.is_empty() {
        return Ok(several.to_vec());
    }
    let known = Party::ALL.into_iter().find(|p| p.id() == text);
    known.map(|p| vec![p]).ok_or_else(|| {
        let ids = Party::ALL.map(Party::id).join(", ");
        format!("there is no party '{text}'; it is one of client, server, middlebox, intermediary, {ids}")
    })
}

fn severity(text: &str) -> Result<Vec<Severity>, String> {
    let (word, or_worse) = match text.strip_suffix('+') {
        Some(word) => (word, true),
        None => (text, false),
    };
    let level = one_severity(word).ok_or_else(|| {
        format!("there is no severity '{word}'; it is one of harmless, info, warning, error")
    })?;
    let wanted = SEVERITIES
        .into_iter()
        .filter(|s| *s == level || or_worse && *s > level);
    Ok(wanted.collect())
}

fn one_severity(text: &str) -> Option<Severity> {
    SEVERITIES.into_iter().find(|s| s.id() == text)
}

fn port(text: &str) -> Result<(u16, u16), String> {
    let number = |s: &str| {
        s.parse::<u16>()
            .ok()
            .filter(|_| s.bytes().all(|b| b.is_ascii_digit()))
            .ok_or(format!("'{s}' is not a port from 0 to 65535"))
    };
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (number(low)?, number(high)?);
    if low > high {
        return Err(format!("the range {low}-{high} is empty"));
    }
    Ok((low, high))
}

/// A pattern over a whole name; upper and lower case are alike, as in DNS.
fn glob(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).case_insensitive(true).build();
    glob.map(|g| g.compile_matcher())
        .map_err(|e| format!("'{text}' is not a pattern: {}", e.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{case, harmless};
    use clap::Parser as _;

    const CLASSES: [&str; 3] = [
        "reset-after-client-hello",
        "reset-after-close",
        "syn-refused",
    ];

    fn filter(options: &[&str]) -> Result<Filter, String> {
        let words = ["rstcap", "x.pcap"].iter().chain(options);
        Filter::parse(&Args::try_parse_from(words).unwrap(), &CLASSES)
    }

    fn passes(options: &[&str]) -> (bool, bool) {
        let f = filter(options).unwrap();
        // the second case: client reset, harmless, 60 s later
        (f.matches(&case(1)), f.matches(&harmless(2, 2, 60)))
    }

    #[test]
    fn open_by_default() {
        assert!(filter(&[]).unwrap().is_open());
        assert_eq!(passes(&[]), (true, true));
    }

    #[test]
    fn each_kind() {
        assert_eq!(passes(&["--class", "reset-after-close"]), (false, true));
        assert_eq!(passes(&["--class", "reset-*"]), (true, true));
        assert_eq!(passes(&["--class", "!reset-after-close"]), (true, false));
        assert_eq!(passes(&["--party", "middlebox"]), (true, false));
        assert_eq!(passes(&["--party", "client-host"]), (false, true));
        assert_eq!(passes(&["--severity", "warning+"]), (true, false));
        assert_eq!(passes(&["--severity", "harmless"]), (false, true));
        assert_eq!(passes(&["--severity", "!harmless"]), (true, false));
        assert_eq!(passes(&["--host", "192.0.2.0/24"]), (true, true));
        assert_eq!(passes(&["--host", "!10.0.0.0/8"]), (false, false));
        assert_eq!(passes(&["--port", "440-443"]), (true, true));
        assert_eq!(passes(&["--port", "80", "--port", "!443"]), (false, false));
        assert_eq!(passes(&["--name", "*.EXAMPLE.net"]), (true, true));
        assert_eq!(passes(&["--name", "!www.*"]), (false, false));
        assert_eq!(passes(&["--since", "2024-07-14T12:02:00"]), (false, true));
        assert_eq!(passes(&["--until", "2024-07-14T12:02:00"]), (true, false));
    }

    #[test]
    fn alternatives_and_conjunctions() {
        assert_eq!(
            passes(&["--party", "client", "--party", "middlebox"]),
            (true, true)
        );
        assert_eq!(
            passes(&["--party", "client", "--severity", "error"]),
            (false, false)
        );
        assert_eq!(
            passes(&["--class", "reset-*", "--class", "!reset-after-client-hello"]),
            (false, true)
        );
    }

    #[test]
    fn wrong_values_say_what_is_right() {
        let message = |options: &[&str]| filter(options).unwrap_err();
        assert!(
            message(&["--class", "reset-after-clos"]).contains("did you mean reset-after-close?")
        );
        assert!(message(&["--party", "nobody"]).contains("middlebox-as-server"));
        assert!(message(&["--severity", "fatal"]).contains("harmless, info, warning, error"));
        assert!(message(&["--host", "300.0.0.1"]).starts_with("--host: "));
        assert!(message(&["--port", "70000"]).contains("65535"));
        assert!(message(&["--port", "9-1"]).contains("empty"));
        assert!(message(&["--since", "soon"]).starts_with("--since: "));
        assert!(message(&["--name", "["]).contains("pattern"));
    }

    #[test]
    fn fail_on() {
        let fails = |values: &[&str]| {
            let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
            let f = FailOn::parse(&values, &CLASSES).unwrap();
            (f.matches(&case(1)), f.matches(&harmless(2, 2, 60)))
        };
        assert_eq!(fails(&[]), (false, false));
        assert_eq!(fails(&["warning"]), (true, false));
        assert_eq!(fails(&["error", "harmless"]), (true, true));
        assert_eq!(fails(&["reset-after-close"]), (false, true));
        assert!(FailOn::parse(&["nothing".into()], &CLASSES).is_err());
    }
}
