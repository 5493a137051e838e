//! Sequence diagrams of cases: one layout, drawn as SVG for the page and as text for the
//! terminal.
//!
//! Lifelines are the client, the server and, where a device on the path is blamed, that device
//! between them: a forged RST starts at its lane, not at the side whose address it bears.
//! Rows are evenly spaced, whatever time lies between them; long silences and packets that are
//! not drawn are breaks.

mod collapse;
mod label;
mod layout;
mod relative;
mod svg;
mod text;

pub use layout::layout;
pub(super) use svg::COLOURS_AND_DIAGRAM;
pub use svg::{document, inline};
pub use text::lines;

/// A diagram, ready to be drawn: every string is one line of visible characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// What is shown, for those who cannot see it.
    pub title: String,
    #[allow(missing_docs)]
    pub client: Lane,
    /// The device on the path, where one is blamed.
    pub device: Option<Lane>,
    #[allow(missing_docs)]
    pub server: Lane,
    /// From top to bottom, in capture order.
    pub rows: Vec<Row>,
}

/// A lifeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// "client", "server", "device on the path".
    pub name: String,
    /// Address and port, or what is known instead.
    pub address: String,
}

/// Where an arrow starts or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Place {
    Client,
    Device,
    Server,
}

/// How much an arrow stands out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Data and acknowledgments.
    Plain,
    /// Handshakes of TCP and TLS, requests, what the evidence cites.
    Notable,
    /// A FIN.
    Close,
    /// What provoked the primary RST.
    Trigger,
    /// A RST that is not the primary one.
    Reset,
    /// The RST the diagnosis is about.
    Primary,
    /// An ICMP error.
    Icmp,
}

impl Look {
    /// Name of the style class.
    fn id(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Notable => "notable",
            Self::Close => "close",
            Self::Trigger => "trigger",
            Self::Reset => "reset",
            Self::Primary => "primary",
            Self::Icmp => "icmp",
        }
    }

    /// Whether the arrow is a RST.
    fn is_reset(self) -> bool {
        matches!(self, Self::Reset | Self::Primary)
    }
}

/// One line of a diagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// One packet.
    Arrow(Arrow),
    /// Several packets drawn as one.
    Run(Run),
    /// A name lookup before the connection.
    Note {
        /// Frame number, empty if unknown.
        frame: String,
        /// What happened.
        text: String,
    },
    /// Silence, or packets that are not drawn.
    Break(String),
}

/// A packet on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Seconds since the connection's first packet, with six decimals.
    pub time: String,
    /// Number of the frame in its file.
    pub frame: String,
    #[allow(missing_docs)]
    pub from: Place,
    #[allow(missing_docs)]
    pub to: Place,
    #[allow(missing_docs)]
    pub look: Look,
    /// What it is: flags, or what its payload says.
    pub label: String,
    /// Sequence and acknowledgment number relative to the connection's start as Wireshark
    /// shows them, payload length, and TTL; empty where there is none.
    pub numbers: [String; 4],
    /// What the case file says about the frame, one fact each.
    pub facts: Vec<String>,
}

/// Several packets of little interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Seconds since the connection's first packet, of the first of them.
    pub time: String,
    /// First and last frame number.
    pub frames: String,
    /// Which way the payload goes; both ways when equal at both ends.
    pub from: Place,
    #[allow(missing_docs)]
    pub to: Place,
    /// `12 data segments, 17,280 bytes`.
    pub label: String,
    /// They are RSTs.
    pub resets: bool,
}

#[cfg(test)]
mod tests;
