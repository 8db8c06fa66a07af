import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Scope } from '../../http/access.js';
import { Idempotent } from '../../http/idempotent.js';
import { IdPath } from '../../http/id-path.js';
import { Problems } from '../../http/openapi.js';
import { DeliveryService } from './delivery.service.js';
import { EndpointService } from './endpoint.service.js';
import {
  CreateEndpointBody,
  DeliveryPageView,
  deliveryPageView,
  DeliveryPath,
  DeliveryView,
  deliveryView,
  EndpointPageView,
  endpointPatch,
  EndpointView,
  endpointView,
  ListDeliveriesQuery,
  PatchEndpointBody,
  RevealedEndpointView,
  revealedEndpointView,
  wantedEndpoint,
} from './webhooks.dto.js';

const IDEMPOTENCY = {
  name: 'Idempotency-Key',
  required: false,
  description: 'Makes the request safe to repeat for 24 hours',
};

@ApiTags('webhooks')
@Controller('v1/webhook-endpoints')
@Scope('admin')
export class WebhooksController {
  constructor(
    private readonly endpoints: EndpointService,
    private readonly deliveries: DeliveryService,
  ) {}

  @Post()
  @Idempotent()
  @Problems({ 400: ['request.invalid', 'webhook.url_refused'], 409: ['webhook.too_many_endpoints'] })
  @ApiOperation({
    operationId: 'createWebhookEndpoint',
    summary: 'Have events sent to a URL',
    description:
      'What is sent follows Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`, and `{ type, timestamp, data }` with the id, version and state of the guest and JSON pointers to what changed; `guest.message` names the files the other side sent, by `attachmentIds`. ' +
      'Any 2xx is success, 410 disables the endpoint, anything else is tried again for three days: after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h. Events may arrive twice and out of order: the version tells.',
  })
  @ApiHeader(IDEMPOTENCY)
  @ApiResponse({ status: 201, type: RevealedEndpointView, headers: { Location: { schema: { type: 'string' } } } })
  async create(
    @Body() body: CreateEndpointBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevealedEndpointView> {
    const revealed = await this.endpoints.add(wantedEndpoint(body));
    reply.header('Location', `/v1/webhook-endpoints/${revealed.endpoint.id}`);
    return revealedEndpointView(revealed);
  }

  @Get()
  @Problems({ 403: ['auth.scope_missing'] })
  @ApiOperation({ operationId: 'listWebhookEndpoints', summary: 'List all webhook endpoints, oldest first' })
  @ApiResponse({ status: 200, type: EndpointPageView })
  async list(): Promise<EndpointPageView> {
    return { items: (await this.endpoints.list()).map(endpointView), nextCursor: null };
  }

  @Get(':id')
  @Problems({ 404: ['webhook.endpoint_not_found'] })
  @ApiOperation({ operationId: 'getWebhookEndpoint', summary: 'Read a webhook endpoint' })
  @ApiResponse({ status: 200, type: EndpointView })
  async get(@Param() { id }: IdPath): Promise<EndpointView> {
    return endpointView(await this.endpoints.get(id));
  }

  @Patch(':id')
  @Idempotent()
  @Problems({ 400: ['request.invalid', 'webhook.url_refused'], 404: ['webhook.endpoint_not_found'] })
  @ApiOperation({
    operationId: 'updateWebhookEndpoint',
    summary: 'Change, stop or start a webhook endpoint by a merge patch (RFC 7396)',
  })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: PatchEndpointBody })
  @ApiResponse({ status: 200, type: EndpointView })
  async patch(@Param() { id }: IdPath, @Body() body: PatchEndpointBody): Promise<EndpointView> {
    return endpointView(await this.endpoints.change(id, endpointPatch(body)));
  }

  @Delete(':id')
  @HttpCode(204)
  @Problems({ 404: ['webhook.endpoint_not_found'] })
  @ApiOperation({
    operationId: 'deleteWebhookEndpoint',
    summary: 'Remove a webhook endpoint, with what still waits for it',
  })
  @ApiResponse({ status: 204, description: 'Nothing more is sent to it' })
  async remove(@Param() { id }: IdPath): Promise<void> {
    await this.endpoints.remove(id);
  }

  @Post(':id/rotate-secret')
  @Idempotent()
  @HttpCode(200)
  @Problems({ 404: ['webhook.endpoint_not_found'] })
  @ApiOperation({
    operationId: 'rotateWebhookSecret',
    summary: 'Give a webhook endpoint a new secret',
    description:
      'For 24 hours everything is signed with both, the new and the one before; an older one stops at once. Both signatures stand in `webhook-signature`, separated by a space.',
  })
  @ApiHeader(IDEMPOTENCY)
  @ApiResponse({ status: 200, type: RevealedEndpointView })
  async rotate(@Param() { id }: IdPath): Promise<RevealedEndpointView> {
    return revealedEndpointView(await this.endpoints.rotateSecret(id));
  }

  @Get(':id/deliveries')
  @Problems({ 400: ['request.invalid'], 404: ['webhook.endpoint_not_found'] })
  @ApiOperation({
    operationId: 'listWebhookDeliveries',
    summary: 'See what was sent to a webhook endpoint in the last 30 days, newest first',
  })
  @ApiResponse({ status: 200, type: DeliveryPageView })
  async log(
    @Param() { id }: IdPath,
    @Query() { limit = 100, ...query }: ListDeliveriesQuery,
  ): Promise<DeliveryPageView> {
    return deliveryPageView(await this.deliveries.list({ endpointId: id, limit, ...query }));
  }

  @Post(':id/deliveries/:deliveryId/replay')
  @Idempotent()
  @HttpCode(202)
  @Problems({
    404: ['webhook.endpoint_not_found', 'webhook.delivery_not_found'],
    409: ['webhook.endpoint_disabled', 'webhook.delivery_withdrawn'],
  })
  @ApiOperation({
    operationId: 'replayWebhookDelivery',
    summary: 'Send an event again',
    description: 'Under the same `webhook-id`, and from the beginning of the schedule.',
  })
  @ApiHeader(IDEMPOTENCY)
  @ApiResponse({ status: 202, type: DeliveryView, description: 'On its way' })
  async replay(@Param() { id, deliveryId }: DeliveryPath): Promise<DeliveryView> {
    return deliveryView(await this.deliveries.replay(id, deliveryId));
  }
}
