export const PARQUET_MAGIC = 'PAR1';
/** The magic of files whose footer is encrypted. */
export const ENCRYPTED_MAGIC = 'PARE';

/** Whether an object that begins like this is a Parquet file. */
export const claimsParquet = (head: Uint8Array): boolean =>
  [PARQUET_MAGIC, ENCRYPTED_MAGIC].includes(Buffer.from(head.subarray(0, 4)).toString('latin1'));
