import { messengerEnvironment } from './regions.js';

describe('What pages call a region', () => {
  it.each([
    ['mypurecloud.com', 'prod'],
    ['use1.pure.cloud', 'prod'],
    ['mypurecloud.ie', 'prod-euw1'],
    ['usw2.pure.cloud', 'prod-usw2'],
    ['mxc1.pure.cloud', 'prod-mxc1'],
    ['use2.us-gov-pure.cloud', 'fedramp-use2-core'],
    ['edee1.eusc-pure.cloud', null],
  ])('of %s is %s', (domain, environment) => {
    expect(messengerEnvironment(domain)).toBe(environment);
  });
});
