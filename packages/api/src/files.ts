/** The operations on files. A door of its own: what a page loads first has no need of them. */
export {
  deleteFile,
  downloadFile,
  FileGrants,
  FileInfo,
  fileEndpoints,
  getFileInfo,
  grantFile,
  listGrants,
  revokeGrant,
  uploadFile,
} from './file.ts';
export {
  continueUpload,
  createUpload,
  describeUploads,
  endUpload,
  findUpload,
  TUS_CHECKSUM,
  TUS_VERSION,
  UPLOAD_PIECE_BYTES,
  uploadEndpoints,
} from './file-upload.ts';
