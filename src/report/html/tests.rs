//! Tests of the page as text; how it behaves in a browser is tested in one.

use super::*;
use crate::report::Written;
use crate::report::hostile::is_hostile;
use crate::report::testing::{Findings, case, harmless, told};

fn render(findings: &Findings) -> String {
    let mut out = Vec::new();
    page(&findings.report(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_page_without_resets_says_so() {
    let text = render(&Findings::of(Vec::new()));
    assert!(text.contains("<h1>No TCP resets</h1>"), "{text}");
    assert!(text.contains("No TCP resets in 1 file, 1.2 M packets, 8,411 connections."));
    assert!(text.contains("a.pcapng"));
    assert!(!text.contains("<script"));
    assert!(text.ends_with("</body></html>\n"));
}

#[test]
fn every_part_of_a_case_is_there() {
    let mut findings = Findings::of(vec![case(1), harmless(2, 2, 60)]);
    findings.written.insert(
        1,
        Written {
            path: "0001_a.pcapng".into(),
            reset: Some(6),
            ..Written::default()
        },
    );
    let text = render(&findings);
    for part in [
        "<h1>2 TCP resets in 2 groups</h1>",
        "A device on the path, in the server&apos;s name",
        "RST 0.4 ms after the ClientHello on a 21 ms path",
        "the RST came 0.4 ms after the ClientHello",
        "frames 10, 12",
        "the server is 21 ms away",
        "Look into the TLS log of the server or load balancer at this time.",
        "12 of 12 with SNI www.example.net reset",
        "Who sent it",
        "ip.addr == 10.0.0.1 &amp;&amp; ",
        "wireshark -r 0001_a.pcapng -g 6",
        "wireshark -r a.pcapng -g 12",
        "openssl s_client -connect 192.0.2.7:443 -servername www.example.net",
        "nft list ruleset",
        "href=\"./0001_a.pcapng\"",
        "forged RST, ACK",
    ] {
        let entity = part.replace("&apos;", "'");
        assert!(text.contains(part) || text.contains(&entity), "{part}");
    }
    assert!(
        !text.contains("ring/"),
        "directories of the input stay out of the page"
    );
}

/// Everything that a packet or a file name can bring into a page.
fn infested() -> Findings {
    let evil = "</script><script>alert(1)</script><!--\"'><img src=x onerror=alert(1)>\u{1b}[2J\u{202e}\u{2028}\u{0}&lt;";
    let mut c = case(1);
    c.connection.name.as_mut().unwrap().name = evil.into();
    let d = &mut c.diagnosis;
    d.evidence[0] = told(evil);
    d.discriminator = Some(evil.into());
    d.other_vantage = Some(evil);
    d.alternatives[0].why_less_likely = evil.into();
    d.contrast[0].property = evil.into();
    d.contrast[0].text = evil.into();
    d.contrast[0].test = evil.into();
    d.contrast[0].counts[0].0 = evil.into();
    c.connection.segments[3].payload = evil.as_bytes().to_vec();
    c.story.last_request = Some(crate::packet::app::Request {
        summary: evil.into(),
        host: evil.into(),
        ..Default::default()
    });
    let mut findings = Findings::of(vec![c]);
    findings.files[0].label = format!("dir/{}", evil.replace('/', "\u{2215}"));
    findings.written.insert(
        1,
        Written {
            path: evil.replace('/', "|").into(),
            ..Written::default()
        },
    );
    findings
}

#[test]
fn hostile_text_is_inert_and_visible() {
    let text = render(&infested());
    assert!(!text.chars().any(|c| c != '\n' && is_hostile(c)));
    // the only scripts are ours: data, one story, the program
    assert_eq!(text.matches("<script").count(), 3);
    assert_eq!(text.matches("</script").count(), 3);
    assert!(!text.contains("<img") && !text.contains("<!--"));
    assert!(text.contains("\\x1b[2J\\u{202e}\\u{2028}\\x00"));
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    // in the data the same is hidden from HTML, not from JSON
    let data = text
        .split("id=\"data\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let value: serde_json::Value = serde_json::from_str(data).unwrap();
    assert!(
        value["cases"][0]["y"]
            .as_str()
            .unwrap()
            .starts_with("</script><script>")
    );
}

#[test]
fn thousands_of_cases_stay_small() {
    let mut cases: Vec<_> = (1..=2500).map(case).collect();
    cases.extend((2501..=5000).map(|i| harmless(i, 2, i64::from(i))));
    let text = render(&Findings::of(cases));
    assert!(text.len() < 26_000_000, "{}", text.len());
    assert_eq!(text.matches("type=\"text/x-case\"").count(), 5000);
    assert_eq!(text.matches("<svg").count(), WHOLE_STORIES);
    assert!(text.contains("href=\"#case=2501\""));
}

#[test]
fn many_thousands_of_cases_have_rows_and_some_have_stories() {
    let mut cases: Vec<_> = (1..=5990).map(case).collect();
    cases.extend((5991..=6000).map(|i| harmless(i, i, 0)));
    let text = render(&Findings::of(cases));
    assert_eq!(text.matches("type=\"text/x-case\"").count(), STORIES);
    assert_eq!(text.matches("\"i\":").count(), 6000);
    // every group has one
    assert!(text.contains("id=\"story-6000\""));
}

#[test]
fn the_policy_names_what_the_page_holds() {
    let text = render(&Findings::of(vec![case(1)]));
    let policy = text.split("Content-Security-Policy").nth(1).unwrap();
    let policy = policy.split('>').next().unwrap();
    let script = text
        .rsplit("<script>")
        .next()
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    assert!(
        policy.contains(&digest::sha256_base64(script.as_bytes())),
        "{policy}"
    );
    let style = text
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    assert!(
        policy.contains(&digest::sha256_base64(style.as_bytes())),
        "{policy}"
    );
    // nothing comes from elsewhere
    for outside in ["http://", "https://", "url(", "@import", "src="] {
        assert!(
            !style.contains(outside)
                && !script
                    .replace("http://www.w3.org/2000/svg", "")
                    .contains(outside),
            "{outside}"
        );
    }
    assert!(!text.contains(" style=\"") && !text.contains(" onclick"));
}

/// Writes pages for the tests in a browser (`tests/page/run.mjs`) into the directory that the
/// environment names; without one there is nothing to do.
#[test]
fn pages_for_the_browser() {
    let Some(directory) = std::env::var_os("RSTCAP_PAGES").map(std::path::PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(&directory).unwrap();
    let mut many: Vec<_> = (1..=2500).map(case).collect();
    many.extend((2501..=5000).map(|i| harmless(i, 2 + i % 400, i64::from(i))));
    for (name, findings) in [
        ("zero.html", Findings::of(Vec::new())),
        ("hostile.html", infested()),
        ("many.html", Findings::of(many)),
    ] {
        std::fs::write(directory.join(name), render(&findings)).unwrap();
    }
}
