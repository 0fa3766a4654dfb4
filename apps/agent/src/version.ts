/** Of the whole product; raised by a release. */
export const version = '0.1.0';
