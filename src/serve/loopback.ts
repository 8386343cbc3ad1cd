/** Addresses at which nobody but this machine finds us. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether what a client has sent as Host is a name that only this machine has. */
export function namesLoopback(header: string): boolean {
  const host = header.replace(/:\d{1,5}$/, '').toLowerCase();
  return isLoopback(host.replace(/^\[(.*)\]$/, '$1')) || host.endsWith('.localhost');
}
