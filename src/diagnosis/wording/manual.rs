//! What the manual entries of the classes give to a diagnosis.

use crate::diagnosis::rule::Rule;
use crate::diagnosis::tree;
use crate::flow::Endpoint;
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

/// What one entry gives.
struct Entry {
    /// Classes it is confused with, each with what would be seen if it were that one.
    confused: Vec<(&'static str, String)>,
    /// What to check.
    advice: Vec<&'static str>,
    /// Why another class that also fits gave way to this one.
    gave_way: String,
}

/// Cut out of the manual once, each when it is asked for: a run needs few of them.
static ENTRIES: LazyLock<BTreeMap<&'static str, OnceLock<Entry>>> = LazyLock::new(|| {
    let all = tree::registry().iter();
    all.map(|rule| (rule.id, OnceLock::new())).collect()
});

fn entry(rule: &Rule) -> Option<&'static Entry> {
    let entry = || Entry {
        confused: bullets(rule.doc, "## Easily confused with")
            .flat_map(confused)
            .collect(),
        advice: bullets(rule.doc, "## What to do").collect(),
        gave_way: format!("also fits, but \"{}\" says more here", rule.title),
    };
    ENTRIES.get(rule.id).map(|known| known.get_or_init(entry))
}

/// The bullets under a heading.
fn bullets(doc: &'static str, heading: &str) -> impl Iterator<Item = &'static str> + use<> {
    let section = doc.split_once(heading).map_or("", |(_, rest)| rest);
    let section = section.split("\n ## ").next().unwrap_or_default();
    let lines = section.lines();
    lines.filter_map(|l| l.trim().strip_prefix("- "))
}

/// What to check next.
#[must_use]
pub fn advice(rule: &Rule) -> &'static [&'static str] {
    entry(rule).map_or(&[], |e| &e.advice)
}

/// Where a piece of advice is to be followed.
pub struct Place<'a> {
    /// The server's address and port.
    pub server: Endpoint,
    /// The name asked for.
    pub name: Option<&'a str>,
}

/// What to check next in one case: the advice that is for its discriminator, and for this server.
#[must_use]
pub fn advice_for(rule: &Rule, discriminator: Option<&str>, place: &Place) -> Vec<String> {
    let all = advice(rule);
    let fits = |tag: &str| discriminator.is_some_and(|d| d.contains(tag));
    let special = all.iter().filter_map(|a| tagged(a));
    let any = special.into_iter().any(|(mut tags, _)| tags.any(fits));
    all.iter()
        .filter_map(|bullet| match tagged(bullet) {
            None => Some(at(bullet, place)),
            Some((mut tags, text)) => {
                let shown = tags.any(|tag| fits(tag) || (tag == "else" && !any));
                shown.then(|| at(&capital(text), place))
            }
        })
        .collect()
}

/// The discriminators a bullet begins with (`*a*, *b*: text`), and its text.
fn tagged(bullet: &'static str) -> Option<(impl Iterator<Item = &'static str>, &'static str)> {
    let (tags, text) = bullet
        .split_once("*: ")
        .filter(|_| bullet.starts_with('*'))?;
    Some((tags.split('*').skip(1).step_by(2), text))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Commands with the server's own address and the name it was asked for, if that is safe to paste.
fn at(text: &str, place: &Place) -> String {
    let plain = |n: &&str| {
        n.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
    };
    let name = place
        .name
        .filter(|n| !n.is_empty() && !n.starts_with('-'))
        .filter(plain);
    let named = name.map_or(String::new(), |n| format!(" -servername {n}"));
    text.replace("HOST:PORT", &place.server.to_string())
        .replace(" -servername NAME", &named)
        .replace(
            "PORT SERVER",
            &format!("{} {}", place.server.port, place.server.ip),
        )
}

/// What a bullet tells: classes in backticks, a colon, and the difference.
fn confused(bullet: &'static str) -> impl Iterator<Item = (&'static str, String)> {
    let told = bullet.split_once(": ").into_iter();
    told.flat_map(|(names, text)| {
        let names = names.split('`').skip(1).step_by(2);
        names.map(move |name| (name, format!("would mean: {text}")))
    })
}

/// Why a class that also fits gave way to this one.
#[must_use]
pub fn gave_way(rule: &Rule) -> &'static str {
    entry(rule).map_or("", |e| &e.gave_way)
}

/// Classes the manual names as easily confused with one, in order, and what would be seen if it
/// were the other class, as a reason against it.
pub fn confusable(rule: &Rule) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let told = entry(rule).map_or(&[][..], |e| &e.confused);
    told.iter()
        .map(|(name, difference)| (*name, difference.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Place, advice, advice_for, confusable};
    use crate::diagnosis::tree;

    #[test]
    fn lists_of_an_entry() {
        let rule = tree::rule("reset-after-client-hello").expect("a class");
        let others: Vec<_> = confusable(rule).map(|(class, _)| class).collect();
        assert_eq!(
            others,
            [
                "reset-after-handshake",
                "tls-alert-then-reset",
                "handshake-ack-rejected"
            ]
        );
        let told = confusable(rule).find(|(class, _)| *class == "tls-alert-then-reset");
        assert_eq!(
            told.map(|(_, text)| text),
            Some("would mean: a well-behaved server says why.")
        );
        assert_eq!(advice(rule).len(), 3);
    }

    fn told(class: &str, discriminator: Option<&str>, name: Option<&str>) -> Vec<String> {
        let rule = tree::rule(class).expect("a class");
        let server = Endpoint {
            ip: [192, 0, 2, 7].into(),
            port: 8443,
        };
        advice_for(rule, discriminator, &Place { server, name })
    }

    #[test]
    fn advice_is_for_the_case() {
        let nothing = ["Nothing; the client took the other connection."];
        assert_eq!(
            told("connect-cancelled", Some("sibling-won"), None),
            nothing
        );
        assert_eq!(told("probe-close", Some("sibling-won"), None), nothing);
        assert!(told("probe-close", None, None)[0].starts_with("Nothing; to silence it"));
        let late = told("late-data-after-fin", Some("tls-close-notify"), None);
        assert_eq!(late, ["Nothing."]);
        let alert = told(
            "tls-alert-then-reset",
            Some("unknown_ca"),
            Some("a.example"),
        );
        assert_eq!(alert.len(), 2);
        assert!(alert[0].contains(
            "`openssl s_client -connect 192.0.2.7:8443 -servername a.example -showcerts`"
        ));
        let path = told("syn-rejected-by-middlebox", None, None);
        assert!(path[1].contains("`traceroute -T -p 8443 192.0.2.7`"));
    }

    #[test]
    fn a_name_that_a_shell_would_read_is_left_out() {
        for name in ["a;reboot", "$(id)", "-x", ""] {
            let lines = told("reset-after-client-hello", None, Some(name));
            assert!(
                lines[0].starts_with("`openssl s_client -connect 192.0.2.7:8443`"),
                "{name}"
            );
        }
    }

    #[test]
    fn every_class_has_advice() {
        for rule in tree::registry() {
            assert!(!advice(rule).is_empty(), "{}", rule.id);
        }
    }
}
