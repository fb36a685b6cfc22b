//! Room http-out.
