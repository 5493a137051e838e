//! Episodes to diagnoses: who reset the connection and why, with evidence, confidence,
//! alternatives and advice.
