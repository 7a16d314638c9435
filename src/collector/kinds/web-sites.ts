import { filesFor, type Machine } from '../machine';
import { collectApacheSites } from './sites-apache';
import { collectCaddySites } from './sites-caddy';
import { collectNginxSites } from './sites-nginx';

/**
 * Sites that the configuration of nginx, Apache and Caddy describes: names, addresses, root. Whether
 * the server runs at the moment is another question. @source DC-1
 */
export function collectWebSites(machine: Machine): void {
  const scope = filesFor(machine, 'web-site');
  collectNginxSites(machine, scope);
  collectApacheSites(machine, scope);
  collectCaddySites(machine, scope);
}
