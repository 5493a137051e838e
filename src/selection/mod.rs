//! Which frames of the capture belong into a case file, each with its reason.
