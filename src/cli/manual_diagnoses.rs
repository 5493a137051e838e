//! rstcap-diagnoses(7): the manual entries of all classes.

use super::explain::usually;
use super::markup::parse;
use super::roff;
use crate::diagnosis;

/// The page.
pub(super) fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut out = format!(
        ".TH rstcap-diagnoses 7 \"\" \"rstcap {version}\" \"Miscellaneous Information\"\n\
         .SH NAME\nrstcap\\-diagnoses \\- the diagnosis classes of rstcap\n\
         .SH DESCRIPTION\n"
    );
    for paragraph in INTRODUCTION {
        out.push_str(&format!(".PP\n{}\n", roff::text(paragraph)));
    }
    out.push_str(".SH CLASSES\n");
    for rule in diagnosis::registry() {
        out.push_str(&format!(".SS {}\n", roff::argument(rule.id)));
        out.push_str(&format!("{}\n", roff::text(rule.title)));
        out.push_str(&format!(".PP\n{}\n", roff::text(&usually(rule))));
        out.push_str(&roff::blocks(&parse(rule.doc)));
    }
    out.push_str(".SH SEE ALSO\n.BR rstcap (1)\n");
    out
}

const INTRODUCTION: [&str; 3] = [
    "A class names why a connection was reset. Its id is the same in every report and never \
     reused. The classes stand in the order in which their rules are tried.",
    "Apart from the class, every diagnosis names a party (who sent the first reset), and how \
     sure both statements are: of those called high at least 95 percent should be right, of \
     those called medium 75 percent.",
    "The basis tells how the cause is known: stated (an alert, an error message, a payload or \
     option of the RST, or ICMP said so), observed (every step is in the frames) or inferred \
     (it needs an assumption, which is named).",
];
