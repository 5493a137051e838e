//! A Wireshark configuration profile for case files: columns, colours, filter buttons, and the
//! rule by which Wireshark 4.4 and later switches to it.

use super::failure::Failure;
use crate::report::hostile::plain;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Name of the profile's directory.
const NAME: &str = "rstcap";

/// The files of the profile. Wireshark reads what it knows and ignores the rest.
const FILES: [(&str, &str); 4] = [
    ("preferences", PREFERENCES),
    ("colorfilters", COLORFILTERS),
    ("dfilter_buttons", BUTTONS),
    ("profile_settings", SETTINGS),
];

/// Names are resolved from the capture only: a case file from elsewhere must not make Wireshark
/// ask this network's DNS.
const PREFERENCES: &str = r#"# Columns and names for case files of rstcap
gui.column.format:
	"No.", "%m",
	"Time", "%Yut",
	"Delta", "%Gt",
	"Source", "%s",
	"Port", "%uS",
	"Destination", "%d",
	"Port", "%uD",
	"TTL", "%Cus:ip.ttl or ipv6.hlim:0:R",
	"IP ID", "%Cus:ip.id:0:R",
	"Seq", "%Cus:tcp.seq:0:R",
	"Ack", "%Cus:tcp.ack:0:R",
	"Win", "%Cus:tcp.window_size_value:0:R",
	"Len", "%Cus:tcp.len:0:R",
	"Source frame", "%Cus:frame.packet_id:0:R",
	"Comment", "%Cus:frame.comment:0:R",
	"Info", "%i"
nameres.network_name: TRUE
nameres.use_external_name_resolver: FALSE
tcp.relative_sequence_numbers: TRUE
tcp.reassemble_out_of_order: TRUE
"#;

const COLORFILTERS: &str = r#"# Colours for case files of rstcap
@rstcap: the RST@frame.comment contains "role=rst"@[52428,0,0][65535,65535,65535]
@rstcap: what provoked it@frame.comment contains "role=trigger"@[65535,42405,0][0,0,0]
@rstcap: evidence@frame.comment contains "role=evidence" || frame.comment contains "role=icmp"@[65535,60395,40092][0,0,0]
@rstcap: name lookup@frame.comment contains "role=dns"@[54998,59624,65535][0,0,0]
@rstcap: last request and its answer@frame.comment contains "role=request" || frame.comment contains "role=response"@[58596,65535,51143][0,0,0]
@rstcap: TLS@frame.comment contains "role=tls"@[59367,54484,65535][0,0,0]
@rstcap: an earlier attempt@frame.comment contains "role=attempt"@[64764,61423,53456][0,0,0]
@rstcap: packets left out before this one@frame.comment contains "role=gap"@[57054,57054,57054][0,0,0]
@TCP RST@tcp.flags.reset eq 1@[42148,0,0][65535,64764,40092]
@TCP SYN/FIN@tcp.flags & 0x02 || tcp.flags.fin == 1@[41120,41120,41120][4626,10023,11822]
"#;

const BUTTONS: &str = r#"# Buttons for case files of rstcap
"TRUE","RST","frame.comment contains \x22role=rst\x22","The resets of this case"
"TRUE","Trigger","frame.comment contains \x22role=trigger\x22","What provoked the reset"
"TRUE","Handshake","tcp.flags.syn == 1","SYN and SYN-ACK"
"TRUE","TLS","tls.handshake || tls.alert_message","Handshake and alerts"
"TRUE","DNS","dns","Name lookups"
"TRUE","Commented","frame.comment","Every frame that has something to say"
"#;

const SETTINGS: &str = r#"# Switch to this profile when a capture holds comments of rstcap (Wireshark 4.4)
auto_switch_filter: frame.comment contains "[rstcap "
"#;

/// Writes the profile below `directory` and says what to do with it.
pub(super) fn install(directory: Option<&Path>, force: bool) -> Result<String, Failure> {
    let Some(directory) = directory else {
        return Err(Failure::usage("--generate wireshark-profile writes a directory").hint(
            "say where: --write ~/.config/wireshark/profiles (%APPDATA%\\Wireshark\\profiles on Windows)",
        ));
    };
    let home = directory.join(NAME);
    let shown = plain(&home.display().to_string());
    let wrong = |e: io::Error| Failure::output(format!("{shown}: {e}"));
    if home.exists() && !force {
        return Err(Failure::output(format!("{shown}: exists already"))
            .hint("replace the profile's files with --force"));
    }
    fs::create_dir_all(&home).map_err(wrong)?;
    for (name, content) in FILES {
        let mut file = tempfile::NamedTempFile::new_in(&home).map_err(wrong)?;
        file.write_all(content.as_bytes()).map_err(wrong)?;
        file.persist(home.join(name)).map_err(|e| wrong(e.error))?;
    }
    Ok(format!(
        "wrote the profile {shown}; use it with: wireshark -C {NAME} CASEFILE\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Status;

    #[test]
    fn written_once_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(install(None, false).unwrap_err().status, Status::Usage);
        install(Some(dir.path()), false).unwrap();
        for (name, content) in FILES {
            let read = fs::read_to_string(dir.path().join(NAME).join(name)).unwrap();
            assert_eq!(read, content);
        }
        assert_eq!(
            install(Some(dir.path()), false).unwrap_err().status,
            Status::Output
        );
        install(Some(dir.path()), true).unwrap();
    }
}
