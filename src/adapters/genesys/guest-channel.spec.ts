import { guestChannelContract } from '../../modules/guest/ports/guest-channel.contract.js';
import { GenesysLab } from './genesys-lab.contract.js';

describe('GenesysGuestChannel', () => guestChannelContract(() => GenesysLab.open()));
