//! The JSON report against its declaration and its contract.

use super::*;
use crate::report::testing::{Findings, case, harmless, told};
use crate::report::{ObjectDoc, object_docs};
use serde_json::Value;

fn document(findings: &Findings) -> (String, Value) {
    let mut out = Vec::new();
    write_document(&findings.report(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

/// The fields that design 7 lists, with their types.
const CONTRACT: [(&str, &str); 35] = [
    ("schema", "number"),
    ("id", "number"),
    ("time", "string"),
    ("class", "string"),
    ("title", "string"),
    ("severity", "string"),
    ("party", "string"),
    ("party_confidence", "string"),
    ("cause_confidence", "string"),
    ("basis", "string"),
    ("stage", "string"),
    ("zeek_conn_state", "string"),
    ("tcp_completeness", "number"),
    ("client", "endpoint"),
    ("server", "endpoint"),
    ("role_basis", "string"),
    ("vantage", "vantage"),
    ("handshake", "handshake"),
    ("tls", "tls or null"),
    ("dns", "dns or null"),
    ("last_request", "string or null"),
    ("idle_before_s", "number or null"),
    ("rsts", "array of rst"),
    ("trigger", "trigger or null"),
    ("evidence", "array of evidence"),
    ("alternatives", "array of alternative"),
    ("advice", "array of string"),
    ("checklist", "checklist"),
    ("contrast", "array of contrast"),
    ("source", "source"),
    ("display_filter", "string"),
    ("case_file", "string or null"),
    ("group", "number"),
    ("summary", "string"),
    ("tcp_stream", "number"),
];

#[test]
fn the_contract_is_declared() {
    let docs = object_docs();
    let case = docs.iter().find(|d| d.name == "Case").unwrap();
    for (name, kind) in CONTRACT {
        let field = case.fields.iter().find(|f| f.name == name);
        assert_eq!(field.map(|f| f.kind.as_str()), Some(kind), "{name}");
    }
    let rst = docs.iter().find(|d| d.name == "Rst").unwrap();
    let names: Vec<_> = rst.fields.iter().map(|f| f.name).collect();
    assert_eq!(
        names,
        [
            "frame",
            "file",
            "frame_in_file",
            "time",
            "from",
            "form",
            "role",
            "effect",
            "seq",
            "ack",
            "window",
            "ttl",
            "ip_id",
            "payload",
            "reason",
            "key"
        ]
    );
}

/// Holds a value against the declared type, objects with all their fields and no others.
fn check(value: &Value, kind: &str, docs: &[ObjectDoc], path: &str) {
    if let Some(inner) = kind.strip_suffix(" or null") {
        if !value.is_null() {
            check(value, inner, docs, path);
        }
    } else if let Some(inner) = kind.strip_prefix("array of ") {
        for element in value
            .as_array()
            .unwrap_or_else(|| panic!("{path}: no array"))
        {
            check(element, inner, docs, path);
        }
    } else if let Some(object) = docs.iter().find(|d| d.name.to_lowercase() == kind) {
        let map = value
            .as_object()
            .unwrap_or_else(|| panic!("{path}: no object"));
        assert_eq!(map.len(), object.fields.len(), "{path}");
        for field in &object.fields {
            let path = format!("{path}.{}", field.name);
            let value = map
                .get(field.name)
                .unwrap_or_else(|| panic!("{path}: missing"));
            check(value, &field.kind, docs, &path);
        }
    } else {
        let right = match kind {
            "string" => value.is_string(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => false,
        };
        assert!(right, "{path}: {value} is no {kind}");
    }
}

#[test]
fn output_is_what_is_declared() {
    let (_, value) = document(&Findings::of(vec![case(1), harmless(2, 2, 60)]));
    check(&value, "document", &object_docs(), "document");
}

#[test]
fn values() {
    let (_, value) = document(&Findings::of(vec![case(1)]));
    let c = &value["cases"][0];
    assert_eq!(c["time"], "2024-07-14T12:01:17.123400Z");
    assert_eq!(c["server"]["names"][0], "www.example.net");
    assert_eq!(c["handshake"]["rtt_server_ms"], 21.0);
    assert_eq!(c["rsts"][0]["frame"], 12);
    assert_eq!(c["rsts"][0]["payload"], "blocked");
    assert_eq!(c["trigger"]["flags"], "PA");
    assert_eq!(c["trigger"]["before_rst_ms"], 0.4);
    assert_eq!(c["evidence"][0]["frames"], serde_json::json!([10, 12]));
    assert_eq!(
        c["source"],
        serde_json::json!({"file": "ring/a.pcapng", "frame": 12, "offset": 2200})
    );
    assert_eq!(c["dns"]["before_connection_s"], 0.002);
    assert_eq!(value["totals"]["shown"], 1);
    assert_eq!(value["groups"][0]["cases"], serde_json::json!([1]));
}

#[test]
fn one_line_per_case() {
    let mut out = Vec::new();
    let findings = Findings::of(vec![case(1), case(2)]);
    write_cases(&findings.report(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        check(
            &serde_json::from_str(line).unwrap(),
            "case",
            &object_docs(),
            "case",
        );
    }
}

#[test]
fn hostile_text_is_escaped_and_survives() {
    let evil = "\u{9b}31m\u{202e}\u{1b}\u{e0041}\"\\é";
    let mut c = case(1);
    c.diagnosis.evidence[0] = told(evil);
    let (text, value) = document(&Findings::of(vec![c]));
    assert_eq!(value["cases"][0]["summary"], evil);
    assert!(!text.chars().any(|c| c != '\n' && is_hostile(c)));
    assert!(text.contains("\\u009b31m\\u202e"));
}

#[test]
fn every_field_has_a_text() {
    for object in object_docs() {
        for field in object.fields {
            assert!(
                field.doc.trim().ends_with('.'),
                "{}.{}",
                object.name,
                field.name
            );
        }
    }
}
