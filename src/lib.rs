//! rstcap finds every TCP reset in a pile of packet captures, says who reset the
//! connection and why, and cuts out one small, annotated pcapng per reset.
//!
//! ```text
//! paths ─► capture     open, identify by content, records with their byte spans
//!            │
//!          packet      one frame's bytes ─► view; application recognisers in packet::app
//!            │
//!          flow        segments ─► connections, incarnations, roles; hosts, services, names
//!            │
//!          reset       episodes: form, trigger, roles of all RSTs of one connection
//!            │
//!          diagnosis   who and why, with evidence, confidence, alternatives, advice
//!            │
//!          selection   which frames to keep, each with its reason
//!            │
//!          trim        one pcapng per case         report   table, JSON, CSV, Markdown, HTML
//! ```
//!
//! [`scan`] drives `capture` to `reset` over all cores; [`cli`] drives the rest. Imports go
//! one way, from the bottom of this picture to the top; a test reads the `use` lines.

pub mod anomaly;
pub mod error;
pub mod units;

pub mod capture;
pub mod packet;

pub mod flow;
pub mod reset;

pub mod diagnosis;
pub mod selection;

pub mod report;
pub mod trim;

pub mod cli;
pub mod scan;
