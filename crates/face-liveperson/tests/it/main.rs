//! Scenarios of the face.
