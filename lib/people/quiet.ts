/** Imported before anything that logs: a command's output is its own. Failures are counted and reported. */
process.env.LOG_LEVEL ??= "silent";
