//! The default file is complete; bad files and variables become sentences; the environment beats the file.
//! The environment is figment's jail, so tests do not disturb each other.
