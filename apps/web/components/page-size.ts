/** In a module of its own: what a client module exports is a mere reference on the server. */
export const pageSize = 50;
