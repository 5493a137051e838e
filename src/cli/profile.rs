//! A Wireshark configuration profile and a Lua plugin for case files: columns, colours, filter
//! buttons, fields from our comments, and the rule by which Wireshark 4.4 and later switches to
//! the profile.

use super::failure::Failure;
use crate::report::hostile::{plain, shell_word};
use crate::trim;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Where the profile lies below the directory.
const PROFILE: &str = "profiles/rstcap";
/// Where the plugin lies.
const PLUGINS: &str = "plugins";

/// The files, by directory and name.
const FILES: [(&str, &str, &str); 6] = [
    (PROFILE, "preferences", include_str!("profile/preferences")),
    (PROFILE, "recent", include_str!("profile/recent")),
    (
        PROFILE,
        "colorfilters",
        include_str!("profile/colorfilters"),
    ),
    (
        PROFILE,
        "dfilter_buttons",
        include_str!("profile/dfilter_buttons"),
    ),
    (
        PROFILE,
        "profile_settings",
        include_str!("profile/profile_settings"),
    ),
    (PLUGINS, "rstcap.lua", include_str!("profile/rstcap.lua")),
];

/// Writes profile and plugin below `directory` and says what to do with them.
pub(super) fn install(directory: Option<&Path>, force: bool) -> Result<String, Failure> {
    let Some(directory) = directory else {
        return Err(
            Failure::usage("--generate wireshark-profile writes a directory")
                .hint("say where: --write DIR; it also says how to install what is there then"),
        );
    };
    let places = || {
        FILES
            .iter()
            .map(|(below, name, _)| directory.join(below).join(name))
    };
    if let Some(taken) = places().find(|path| !force && path.exists()) {
        let shown = plain(&taken.display().to_string());
        return Err(Failure::output(format!("{shown}: exists already"))
            .hint("replace the files of the profile with --force"));
    }
    for (below, name, content) in FILES {
        write(&directory.join(below), name, content, force)?;
    }
    Ok(instructions(directory))
}

fn write(home: &Path, name: &str, content: &str, force: bool) -> Result<(), Failure> {
    let path = home.join(name);
    let wrong =
        |e: io::Error| Failure::output(format!("{}: {e}", plain(&path.display().to_string())));
    fs::create_dir_all(home).map_err(wrong)?;
    let mut file = trim::create(home).map_err(wrong)?;
    file.write_all(content.as_bytes()).map_err(wrong)?;
    let done = if force {
        file.persist(&path)
    } else {
        file.persist_noclobber(&path)
    };
    done.map(drop).map_err(|e| wrong(e.error))
}

/// The personal directories of Wireshark 4, see Help > About > Folders.
fn instructions(directory: &Path) -> String {
    let shown = plain(&directory.display().to_string());
    let word = |below: &str| shell_word(&directory.join(below).display().to_string());
    format!(
        "wrote {PROFILE} and {PLUGINS}/rstcap.lua in {shown}; to install them on Linux and macOS:\n\
         \x20 mkdir -p ~/.config/wireshark/profiles ~/.local/lib/wireshark/plugins\n\
         \x20 cp -r {} ~/.config/wireshark/profiles/\n\
         \x20 cp {} ~/.local/lib/wireshark/plugins/\n\
         on Windows copy both directories into %APPDATA%\\Wireshark; then:\n\
         \x20 wireshark -C rstcap CASEFILE     (4.4 and later switch to the profile by themselves)\n",
        word(PROFILE),
        word("plugins/rstcap.lua")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Status;

    #[test]
    fn written_once_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(install(None, false).unwrap_err().status, Status::Usage);
        let text = install(Some(dir.path()), false).unwrap();
        assert!(text.contains("wireshark -C rstcap"));
        for (below, name, content) in FILES {
            let read = fs::read_to_string(dir.path().join(below).join(name)).unwrap();
            assert_eq!(read, content);
        }
        let plugin = dir.path().join("plugins/rstcap.lua");
        fs::write(&plugin, "mine").unwrap();
        fs::remove_dir_all(dir.path().join("profiles")).unwrap();
        assert_eq!(
            install(Some(dir.path()), false).unwrap_err().status,
            Status::Output
        );
        assert_eq!(fs::read_to_string(&plugin).unwrap(), "mine");
        assert!(!dir.path().join("profiles").exists());
        install(Some(dir.path()), true).unwrap();
        assert_ne!(fs::read_to_string(&plugin).unwrap(), "mine");
    }

    #[test]
    fn widths_are_those_of_the_columns() {
        let formats = |text: &'static str, each: usize, at: usize| -> Vec<&str> {
            let quoted = text.split('"').skip(1).step_by(2);
            quoted.skip(at).step_by(each).collect()
        };
        let columns = formats(include_str!("profile/preferences"), 2, 1);
        let widths = formats(include_str!("profile/recent"), 1, 0);
        // of a custom column the fields alone name its width
        let fields: Vec<&str> = columns.iter().map(|c| c.trim_end_matches(":0:R")).collect();
        assert_eq!(fields, widths);
        assert_eq!(columns.len(), 18);
    }
}
