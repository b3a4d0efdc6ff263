//! What goes wrong with disks, clocks and processes.
