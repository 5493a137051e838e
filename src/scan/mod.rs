//! The driver: cuts the input, runs the workers, stitches their results. The only module that
//! starts threads.
