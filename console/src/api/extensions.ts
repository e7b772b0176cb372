// Types and functions of the documented `/x/` operations.
export {};
